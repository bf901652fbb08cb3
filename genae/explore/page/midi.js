// A Standard MIDI File to its notes: {channel, pitch, begin, end} in seconds, and where its bars begin.

export function notesOf(buffer) {
  const view = new DataView(buffer);
  const division = view.getUint16(12), tracks = view.getUint16(10);
  let at = 14;
  const events = [];
  for (let track = 0; track < tracks && at + 8 <= view.byteLength; track++) {
    const end = at + 8 + view.getUint32(at + 4);
    events.push(...trackOf(view, at + 8, end));
    at = end;
  }
  events.sort((a, b) => a.tick - b.tick || a.order - b.order);
  return played(events, division);
}

function* trackOf(view, at, end) {
  let tick = 0, status = 0;
  const number = () => {
    let value = 0, byte;
    do { byte = view.getUint8(at++); value = value * 128 + (byte & 127); } while (byte & 128);
    return value;
  };
  while (at < end) {
    tick += number();
    if (view.getUint8(at) & 128) status = view.getUint8(at++);
    if (status === 0xff) {
      const kind = view.getUint8(at++), length = number();
      yield metaOf(view, kind, at, tick);
      at += length;
    } else if (status >= 0xf0) at += number();
    else {
      const [first, second] = [view.getUint8(at), view.getUint8(at + 1)];
      const kind = status >> 4, channel = status & 15;
      at += kind === 12 || kind === 13 ? 1 : 2;
      if (kind === 9 && second) yield { tick, order: 2, kind: "on", channel, pitch: first };
      else if (kind === 8 || kind === 9) yield { tick, order: 1, kind: "off", channel, pitch: first };
    }
  }
}

function metaOf(view, kind, at, tick) {
  if (kind === 0x51) return { tick, order: 0, kind: "tempo", beat: (view.getUint16(at) * 256 + view.getUint8(at + 2)) / 1e6 };
  if (kind === 0x58) return { tick, order: 0, kind: "meter", quarters: (4 * view.getUint8(at)) / 2 ** view.getUint8(at + 1) };
  return { tick, order: 3, kind: kind === 0x2f ? "end" : "other" };
}

// Events in order to notes and bars, by the tempi on the way.
function played(events, division) {
  const notes = [], open = new Map(), bars = [];
  let seconds = 0, beat = 0.5, before = 0, quarters = 4, bar = 0;
  for (const event of events) {
    for (; bar <= event.tick; bar += quarters * division) bars.push(seconds + ((bar - before) / division) * beat);
    seconds += ((event.tick - before) / division) * beat;
    before = event.tick;
    if (event.kind === "tempo") beat = event.beat;
    else if (event.kind === "meter") quarters = event.quarters || 4;
    const key = `${event.channel} ${event.pitch}`;
    if ((event.kind === "on" || event.kind === "off") && open.has(key)) {
      open.get(key).end = seconds;
      open.delete(key);
    }
    if (event.kind === "on") {
      const note = { channel: event.channel, pitch: event.pitch, begin: seconds, end: seconds };
      open.set(key, note);
      notes.push(note);
    }
  }
  for (const note of open.values()) note.end = seconds;
  return { notes, bars, seconds };
}
