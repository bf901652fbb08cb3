// Questions and answers over one websocket, which comes back by itself; what was asked meanwhile is asked again.

import { Asking } from "./asking.js";

const FIRST = 400, LONGEST = 5000; // milliseconds until it is tried again

export class Link extends Asking {
  constructor(onState) {
    super(onState);
    this.pause = FIRST;
    this.open();
  }

  open() {
    this.socket = new WebSocket(new URL("ask", location.href.replace(/^http/, "ws")));
    this.socket.binaryType = "arraybuffer";
    this.sent = null;
    this.socket.onopen = () => { this.pause = FIRST; this.onState("open"); this.next(); };
    this.socket.onmessage = (event) => this.answered(unpacked(event.data));
    this.socket.onclose = () => {
      this.sent = null;
      this.onState("lost");
      setTimeout(() => this.open(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST);
    };
  }

  get ready() { return this.socket.readyState === WebSocket.OPEN; }

  send(message) { this.socket.send(JSON.stringify(message)); }
}

// A head of JSON and the media it lists: each becomes a Blob.
export function unpacked(data) {
  const length = new DataView(data).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  for (const shown of head.shown ?? [])
    for (const media of shown.media) {
      media.blob = new Blob([data.slice(at, at + media.size)], { type: media.type });
      at += media.size;
    }
  return head;
}

// A file's points, or an Error with the server's line.
export async function drop(file) {
  let answer;
  try {
    answer = await fetch(`drop?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
  } catch {
    throw new Error(`${file.name}: could not be sent; it may be too large, or genae has stopped`);
  }
  const told = await answer.json();
  if (told.error) throw new Error(told.error);
  return told.points;
}
