// Four corners, each a point of one's own choice, and a pad between them.

import { css, fitted, glow } from "./draw.js";

const NAMES = ["top left", "top right", "bottom left", "bottom right"];

export class Pad {
  constructor(canvas, around, handlers) {
    Object.assign(this, { canvas, handlers, x: 0.5, y: 0.5, live: false });
    this.corners = NAMES.map((name, i) => new Corner(name, i, around, this));
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); this.go(event); });
    canvas.addEventListener("pointermove", (event) => event.buttons && this.go(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  get points() { return this.corners.map((corner) => corner.point); }

  go(event) {
    const box = this.canvas.getBoundingClientRect();
    this.set((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  key(event) {
    const by = event.shiftKey ? 0.2 : 0.04;
    const move = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    if (!move) return;
    event.preventDefault();
    this.set(this.x + move[0], this.y + move[1]);
  }

  set(x, y) {
    [this.x, this.y] = [x, y].map((value) => Math.min(1, Math.max(0, value)));
    this.live = true;
    this.paint();
    this.handlers.mix(this.points, this.x, this.y);
  }

  // The point is elsewhere now: the mark fades.
  leave() { this.live = false; this.paint(); }

  paint() {
    const size = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    if (!size.width) return;
    const context = fitted(this.canvas, size);
    context.fillStyle = css("--line");
    for (let i = 1; i < 8; i++) for (let j = 1; j < 8; j++) context.fillRect((i * size.width) / 8, (j * size.height) / 8, 1.5, 1.5);
    context.globalAlpha = this.live ? 1 : 0.35;
    glow(context, 14 + this.x * (size.width - 28), 14 + this.y * (size.height - 28));
  }
}

class Corner {
  constructor(name, i, around, pad) {
    Object.assign(this, { name, pad, windows: [], at: 0 });
    this.element = document.createElement("div");
    this.element.className = i > 1 ? "corner lower" : "corner";
    this.button = document.createElement("button");
    Object.assign(this.button, { type: "button", className: "thumb" });
    this.button.setAttribute("aria-label", `Set the ${name} corner to this point`);
    this.button.addEventListener("click", () => pad.handlers.here(this));
    this.element.append(this.button, this.fileInput(), this.which());
    this.element.addEventListener("dragover", (event) => { event.preventDefault(); this.element.classList.add("over"); });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => this.dropped(event));
    if (i % 2) around.append(this.element);
    else around.insertBefore(this.element, i ? null : around.firstChild);
    this.element.style.gridArea = `${i > 1 ? 2 : 1} / ${i % 2 ? 3 : 1}`;
  }

  fileInput() {
    const label = document.createElement("label"), input = document.createElement("input");
    label.className = "file";
    label.textContent = "file …";
    input.type = "file";
    input.setAttribute("aria-label", `A file for the ${this.name} corner`);
    input.addEventListener("change", () => { if (input.files[0]) this.pad.handlers.file(this, input.files[0]); input.value = ""; });
    label.append(input);
    return label;
  }

  // Which window of a long file it is.
  which() {
    this.counter = document.createElement("div");
    this.counter.className = "which";
    this.counter.hidden = true;
    this.number = document.createElement("span");
    const buttons = [["‹", -1], ["›", 1]].map(([text, by]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text });
      button.setAttribute("aria-label", `${by < 0 ? "Previous" : "Next"} part of the file at the ${this.name} corner`);
      button.addEventListener("click", () => this.go(this.at + by));
      return button;
    });
    this.counter.append(buttons[0], this.number, buttons[1]);
    return this.counter;
  }

  dropped(event) {
    event.preventDefault();
    this.element.classList.remove("over");
    const point = event.dataTransfer.getData("application/x-genae-point");
    if (event.dataTransfer.files[0]) this.pad.handlers.file(this, event.dataTransfer.files[0]);
    else if (point) this.fill([JSON.parse(point)]);
  }

  get point() { return this.windows[this.at]; }

  fill(windows) {
    this.windows = windows;
    this.counter.hidden = windows.length < 2;
    return this.go(0);
  }

  go(at) {
    this.at = (at + this.windows.length) % this.windows.length;
    this.number.textContent = `${this.at + 1}/${this.windows.length}`;
    return this.pad.handlers.filled(this);
  }

  picture(element) { this.button.replaceChildren(element); }
}
