// The map: examples as dots, drawn once on a layer of their own, and above them the point that is dragged, and the path.

import { colourOf, css, fitted, glow } from "./draw.js";

const NEAR = 9, STEP = 0.08, LEAP = 0.5, LARGEST = 60; // pixels; units of the map; times the whole

export class LatentMap {
  constructor(canvas, handlers) {
    Object.assign(this, { canvas, handlers, dots: [], labels: [], trail: [], place: null, mode: "wander" });
    this.layer = document.createElement("canvas");
    this.view = { x: 0, y: 0, scale: 1 };
    this.pointers = new Map();
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.up(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  fill(examples) {
    this.dots = examples.places.map(([x, y = 0]) => [x, y]);
    this.labels = examples.labels;
    this.colours = this.labels.map((label) => colourOf(label, examples.classes.length));
    this.whole();
  }

  // All but the farthest in sight.
  whole() {
    const edge = (values, share) => [...values].sort((a, b) => a - b)[Math.round(share * (values.length - 1))] ?? 0;
    const [left, right, bottom, top] = [0, 1].flatMap((k) => [0.02, 0.98].map((share) => edge(this.dots.map((dot) => dot[k]), share)));
    this.view = { x: (left + right) / 2, y: (bottom + top) / 2, wide: Math.max(right - left, 1e-3), high: Math.max(top - bottom, 1e-3), zoom: 1 };
    this.redraw();
  }

  get scale() {
    const { width, height } = this.size;
    return 0.8 * Math.min(width / this.view.wide, height / this.view.high) * this.view.zoom;
  }

  get size() { return { width: this.canvas.clientWidth, height: this.canvas.clientHeight }; }

  toScreen([x, y]) {
    const { width, height } = this.size;
    return [width / 2 + (x - this.view.x) * this.scale, height / 2 - (y - this.view.y) * this.scale];
  }

  toMap([x, y]) {
    const { width, height } = this.size;
    return [this.view.x + (x - width / 2) / this.scale, this.view.y - (y - height / 2) / this.scale];
  }

  // -- drawing -------------------------------------------------------------------------------------------------------

  redraw() {
    const context = fitted(this.layer, this.size);
    const radius = Math.min(4, Math.max(1.6, 70 / Math.sqrt(this.dots.length + 1)));
    context.globalAlpha = 0.75;
    this.dots.forEach((dot, i) => {
      const [x, y] = this.toScreen(dot);
      context.fillStyle = this.colours[i];
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fill();
    });
    this.paint();
  }

  paint() {
    if (!this.canvas.clientWidth) return;
    const context = fitted(this.canvas, this.size);
    context.drawImage(this.layer, 0, 0, this.size.width, this.size.height);
    if (this.trail.length) this.paintTrail(context);
    if (this.place) glow(context, ...this.toScreen(this.place));
  }

  paintTrail(context) {
    context.strokeStyle = context.fillStyle = css("--accent");
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    this.trail.forEach((place, i) => context[i ? "lineTo" : "moveTo"](...this.toScreen(place)));
    context.stroke();
    for (const place of [this.trail[0], this.trail.at(-1)]) {
      context.beginPath();
      context.arc(...this.toScreen(place), 3.5, 0, 7);
      context.fill();
    }
  }

  setPlace(place) { this.place = place; this.paint(); }
  setTrail(places) { this.trail = places; this.paint(); }

  // -- hands -----------------------------------------------------------------------------------------------------------

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size > 1 || event.button || event.shiftKey) this.doing = "pan";
    else if (this.mode === "draw") { this.doing = "draw"; this.setTrail([this.toMap(this.at(event))]); }
    else this.begin(event);
  }

  begin(event) {
    this.doing = "drag";
    const i = this.nearest(this.at(event));
    if (i >= 0) this.handlers.example(i);
    else this.handlers.over(this.toMap(this.at(event)));
  }

  move(event) {
    const before = this.pointers.get(event.pointerId), now = this.at(event);
    if (!before) return this.hover(now);
    if (this.doing === "pan") this.pan(event, before, now);
    else if (this.doing === "draw") this.setTrail([...this.trail, this.toMap(now)]);
    else if (this.moved || Math.hypot(now[0] - before[0], now[1] - before[1]) > 3) {
      this.moved = true;
      this.handlers.over(this.toMap(now));
    }
    if (this.moved || this.doing !== "drag") this.pointers.set(event.pointerId, now);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.doing === "draw" && this.trail.length > 1) this.handlers.drawn(this.trail);
    if (!this.pointers.size) { this.doing = null; this.moved = false; }
  }

  pan(event, before, now) {
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (others.length) this.zoom(Math.hypot(now[0] - others[0][0], now[1] - others[0][1]) / Math.max(1, Math.hypot(before[0] - others[0][0], before[1] - others[0][1])), now);
    this.view.x -= (now[0] - before[0]) / this.scale / (others.length + 1);
    this.view.y += (now[1] - before[1]) / this.scale / (others.length + 1);
    this.redraw();
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 500), this.at(event));
  }

  zoom(by, screen) {
    const before = this.toMap(screen);
    this.view.zoom = Math.min(LARGEST, Math.max(0.4, this.view.zoom * by));
    const after = this.toMap(screen);
    this.view.x += before[0] - after[0];
    this.view.y += before[1] - after[1];
    this.redraw();
  }

  key(event) {
    const by = (event.shiftKey ? LEAP : STEP) * this.view.wide / 6 / this.view.zoom;
    const [x, y] = this.place ?? [this.view.x, this.view.y];
    const { width, height } = this.size;
    const moves = { ArrowLeft: [x - by, y], ArrowRight: [x + by, y], ArrowUp: [x, y + by], ArrowDown: [x, y - by] };
    if (moves[event.key]) this.handlers.over(moves[event.key]);
    else if (event.key === "PageDown" || event.key === "PageUp") this.handlers.step(event.key === "PageDown" ? 1 : -1);
    else if (event.key === "+" || event.key === "-") this.zoom(event.key === "+" ? 1.25 : 0.8, [width / 2, height / 2]);
    else return;
    event.preventDefault();
  }

  hover(screen) {
    const i = this.nearest(screen);
    this.canvas.style.cursor = i >= 0 ? "pointer" : "crosshair";
    this.handlers.hover(i);
  }

  nearest([x, y]) {
    let best = -1, least = NEAR;
    this.dots.forEach((dot, i) => {
      const [a, b] = this.toScreen(dot), apart = Math.hypot(a - x, b - y);
      if (apart < least) [best, least] = [i, apart];
    });
    return best;
  }
}
