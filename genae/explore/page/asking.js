// Questions, one after the other. What is asked on a channel replaces what waits there: of a drag only the last place is of
// interest. Who answers has `ready`, `send(message)`, and calls `answered(answer)`.

export class Asking {
  constructor(onState) {
    Object.assign(this, { onState, waiting: [], sent: null, number: 0 }); // waiting: asked and not yet answered, in order
  }

  ask(ask, told = {}, channel = null) {
    return new Promise((resolve, reject) => {
      const late = channel && this.waiting.find((one) => one.channel === channel && one !== this.sent);
      if (late) {
        late.resolve(null);
        this.waiting.splice(this.waiting.indexOf(late), 1);
      }
      this.waiting.push({ message: { id: ++this.number, ask, ...told }, resolve, reject, channel });
      this.next();
    });
  }

  next() {
    if (this.sent || !this.waiting.length || !this.ready) return;
    this.sent = this.waiting[0];
    this.began = performance.now();
    this.send(this.sent.message);
  }

  answered(answer) {
    const one = this.sent;
    if (!one) return;
    this.sent = null;
    this.waiting.splice(this.waiting.indexOf(one), 1);
    this.onState("open", performance.now() - this.began);
    this.next();
    if (answer.error) one.reject(new Error(answer.error));
    else one.resolve(answer);
  }
}
