// What the page asks, answered within it: this file takes the place of page/link.js in a folder that genae/explore/static.py
// wrote. model.json says who answers: a decoder that runs here, or places that were decoded beforehand.

import { Asking } from "./asking.js";
import { Decoded } from "./decoded.js";
import { Rendered } from "./rendered.js";

const KINDS = { decoded: Decoded, rendered: Rendered };

export class Link extends Asking {
  constructor(onState) {
    super(onState);
    this.begin();
  }

  get ready() { return Boolean(this.model); }

  async begin() {
    try {
      const told = await (await fetch("model.json")).json();
      this.model = await KINDS[told.kind].of(told);
      this.onState("open");
    } catch (error) {
      this.model = { hello: () => { throw error; } };
    }
    this.next();
  }

  async send(message) {
    let answer;
    try { answer = await this.model[message.ask](message); } catch (error) { answer = { error: error.message }; }
    this.answered(answer);
  }
}

export async function drop(file) {
  throw new Error(`${file.name}: this page reads no files; genae explore does`);
}
