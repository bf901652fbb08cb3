// A path on the map, drawn or made of points, and what is decoded along it.

const EARLY = 0.12; // seconds before a step ends at which the next one is made ready

export class Way {
  constructor(elements, handlers) {
    Object.assign(this, elements, { handlers, source: null, frames: [], at: 0, timer: null });
    this.steps.addEventListener("change", () => this.source && this.steps.reportValidity() && this.make());
    this.loop.addEventListener("change", () => this.source && this.make());
    this.add.addEventListener("click", () => this.addPoint(handlers.here()));
    this.play.addEventListener("click", () => (this.playing ? this.stop() : this.start()));
    this.save.addEventListener("click", () => handlers.save(this.frames.map((frame) => frame.point)));
    this.clear.addEventListener("click", () => this.drop());
    this.slider.addEventListener("input", () => this.show(+this.slider.value));
  }

  get playing() { return this.play.ariaPressed === "true"; }

  drawn(places) { this.source = { places }; return this.make(); }

  addPoint(here) {
    const points = [...(this.source?.points ?? []), here];
    this.source = { points };
    if (points.length > 1) return this.make();
    this.state.textContent = "One point; go elsewhere and add another.";
    this.clear.disabled = false;
    return null;
  }

  async make() {
    if (this.source.points?.length === 1) return;
    const answer = await this.handlers.ask({ ...this.source, steps: +this.steps.value, loop: this.loop.checked });
    this.frames = answer.points.map((point, i) => ({ point, place: answer.places[i] }));
    this.handlers.trail(answer.places.map(([x, y = 0]) => [x, y]));
    this.state.textContent = `A path of ${this.frames.length} steps.`;
    for (const button of [this.play, this.save, this.clear, this.slider]) button.disabled = false;
    Object.assign(this.slider, { max: this.frames.length - 1, value: 0 });
  }

  drop() {
    this.stop();
    Object.assign(this, { source: null, frames: [] });
    this.handlers.trail([]);
    this.state.textContent = "No path yet: draw one, or add points.";
    for (const button of [this.play, this.save, this.clear, this.slider]) button.disabled = true;
  }

  async start() {
    this.play.ariaPressed = "true";
    this.play.textContent = "Stop";
    await this.handlers.playing(true);
    this.show(this.at >= this.frames.length - 1 ? 0 : this.at);
  }

  stop() {
    this.play.ariaPressed = "false";
    this.play.textContent = "Play path";
    clearTimeout(this.timer);
    this.handlers.playing(false);
  }

  // A step, decoded once; the next one is asked for while this one is seen.
  async show(at) {
    this.at = at;
    this.slider.value = at;
    const frame = this.frames[at];
    frame.shown ??= this.handlers.decode(frame.point);
    const shown = await frame.shown;
    if (this.at !== at) return;
    const next = this.frames[(at + 1) % this.frames.length];
    if (this.playing) next.shown ??= this.handlers.decode(next.point);
    const seconds = await this.handlers.show(shown);
    const wait = seconds > 4 * EARLY ? seconds - EARLY : seconds;
    if (this.playing && this.at === at) this.timer = setTimeout(() => this.next(), 1000 * wait);
  }

  next() {
    const last = this.at === this.frames.length - 1;
    if (last && !this.loop.checked) this.stop();
    else this.show(last ? 0 : this.at + 1);
  }

  // What was decoded was decoded otherwise.
  forget() { for (const frame of this.frames) delete frame.shown; }
}
