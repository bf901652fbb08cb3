// Favourites: kept with the page while its tab is open, and saved as files when asked.

import { thumbnail } from "./viewer.js";

export class Tray {
  constructor(list, key, handlers) {
    Object.assign(this, { list, key, handlers });
    this.items = [];
  }

  get points() { return this.items.map((item) => item.point); }

  stored() {
    try { return JSON.parse(sessionStorage.getItem(this.key)) ?? []; } catch { return []; }
  }

  async add(shown) {
    const item = { point: shown.point, element: await entry(shown, () => this.handlers.go(item.point)) };
    const drop = document.createElement("button");
    Object.assign(drop, { type: "button", className: "drop plain", textContent: "×" });
    drop.setAttribute("aria-label", `Drop favourite ${this.items.length + 1}`);
    drop.addEventListener("click", () => this.remove(item));
    item.element.append(drop);
    this.items.push(item);
    this.list.append(item.element);
    this.changed();
  }

  remove(item) {
    this.items = this.items.filter((other) => other !== item);
    item.element.remove();
    this.changed();
  }

  changed() {
    try { sessionStorage.setItem(this.key, JSON.stringify(this.points)); } catch { /* full: the page itself still has them */ }
    this.handlers.changed(this.items.length);
  }
}

// A point as a button in a list, which can be dragged to a corner.
export async function entry(shown, go, name = "Go to this favourite") {
  const element = document.createElement("li"), button = document.createElement("button");
  Object.assign(button, { type: "button", className: "thumb", draggable: true });
  button.setAttribute("aria-label", name);
  button.append(await thumbnail(shown.media));
  button.addEventListener("click", go);
  button.addEventListener("dragstart", (event) => event.dataTransfer.setData("application/x-genae-point", JSON.stringify(shown.point)));
  element.append(button);
  return element;
}
