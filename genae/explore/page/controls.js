// Sliders along axes, and what is set of how a point is shown.

const REACH = 4; // spreads

export class Sliders {
  constructor(place, names, moved) {
    this.rows = names.map((name, i) => {
      const label = document.createElement("label"), text = document.createElement("span");
      const range = document.createElement("input"), output = document.createElement("output");
      label.className = "slider";
      text.textContent = text.title = name;
      Object.assign(range, { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0 });
      range.addEventListener("input", () => { output.value = shown(+range.value); moved(i, +range.value); });
      label.append(text, range, output);
      place.append(label);
      return { range, output };
    });
  }

  // Where the point lies; the one that is being moved stays in the hand.
  set(places) {
    this.rows.forEach(({ range, output }, i) => {
      if (range.matches(":active")) return;
      range.value = places[i];
      output.value = shown(places[i]);
    });
  }
}

const shown = (value) => value.toFixed(1).replace("-", "−");

export class Look {
  constructor(place, hello, changed) {
    this.inputs = [];
    this.changed = changed;
    this.place = place;
    this.temperature = this.add("temperature", { type: "number", min: 0, max: 10, step: 0.05, value: hello.temperature });
    this.seed = this.add("seed", { type: "number", min: 0, step: 1, value: 0 });
    for (const option of hello.options) this.inputs.push([option.name, this.ofOption(option)]);
  }

  add(text, attributes, about = "") {
    const label = document.createElement("label"), input = document.createElement("input");
    label.append(text);
    label.title = about;
    Object.assign(input, attributes);
    input.addEventListener("change", () => input.reportValidity() && this.changed());
    label.append(input);
    this.place.append(label);
    return input;
  }

  ofOption({ name, kind, about, value, least, most }) {
    const text = name.replaceAll("_", " ");
    if (kind === "true or false") return this.add(text, { type: "checkbox", checked: value }, about);
    if (kind !== "number" && kind !== "whole number") return this.add(text, { value }, about);
    const bounds = { ...(least === null ? {} : { min: least }), ...(most === null ? {} : { max: most }) };
    return this.add(text, { type: "number", ...bounds, step: kind === "number" ? "any" : 1, value }, about);
  }

  get told() {
    const options = {};
    for (const [name, input] of this.inputs)
      options[name] = input.type === "checkbox" ? input.checked : input.type === "number" ? input.valueAsNumber : input.value;
    return { temperature: this.temperature.valueAsNumber, seed: this.seed.valueAsNumber || 0, options };
  }
}
