// Points are z and their condition, {z, c}, and a decoder that runs in this page shows them.

import { along, around, Axes, lerp, normals, slerp, traced } from "./latent.js";
import { medium } from "./media.js";
import { Alone } from "./model.js";

export class Decoded extends Alone {
  static async of(told) {
    const made = new Decoded(told), { InferenceSession, env, Tensor } = await import("./ort.js");
    Object.assign(env.wasm, { numThreads: 1, proxy: false, wasmPaths: { wasm: new URL(told.compiled, location.href).href } });
    const load = (name) => InferenceSession.create(name, { executionProviders: ["wasm"] });
    Object.assign(made, { Tensor, axes: new Axes(told.axes), decoder: await load("decoder.onnx") });
    if (told.hello.draws) made.sampler = await load("sampler.onnx");
    return made;
  }

  places({ z }) { return this.axes.places(z); }

  example(i) { return { z: this.told.z[i], c: this.told.c?.[i] }; }

  point({ point, example }) {
    const made = point ?? this.example(example);
    if (made.z?.length !== this.told.z[0].length) throw new Error("that point is of another model");
    return made;
  }

  between(a, b, t) { return { z: slerp(a.z, b.z, t), c: a.c && b.c ? lerp(a.c, b.c, t) : a.c }; }

  // One after the other: a model runs once at a time.
  async media(points) {
    const made = [];
    for (const { z, c } of points) {
      const { data, dims } = await this.run(this.decoder, z, [1, ...this.told.shape], c);
      made.push([await medium(this.told.medium, data, dims)]);
    }
    return made;
  }

  async run(session, x, dims, c) {
    const inputs = { [session.inputNames[0]]: new this.Tensor("float32", Float32Array.from(x), dims) };
    if (c) inputs.condition = new this.Tensor("float32", Float32Array.from(c), [1, c.length]);
    return (await session.run(inputs))[session.outputNames[0]];
  }

  // -- what is asked --------------------------------------------------------------------------------------------------------

  show(message) {
    const point = this.point(message);
    return this.shown([{ ...point, z: this.axes.moved(point.z, message.to ?? {}) }]);
  }

  over({ place, point }) { return this.shown([this.at(place, point)]); }

  at(place, like) {
    const near = around(this.plane, place), z = new Array(this.told.z[0].length).fill(0);
    for (const [i, weight] of near) this.told.z[i].forEach((x, k) => { z[k] += weight * x; });
    const there = this.told.hello.examples.places[0].map((_, k) => place[k]);
    return { z: this.axes.moved(z, { ...there }), c: like?.c ?? this.told.c?.[near[0][0]] };
  }

  mix({ points: [a, b, c, d], x, y }) {
    return this.shown([this.between(this.between(a, b, x), this.between(c, d, x), y)]);
  }

  async near({ point, n, distance, seed }) {
    const others = [];
    for (let i = 0; i < n; i++) others.push(await this.drawn(seed + i, point));
    return this.shown(others.map((other) => ({ ...point, z: slerp(point.z, other.z, distance) })));
  }

  async draw({ seed, point }) { return this.shown([await this.drawn(seed, point)]); }

  // A new point, told what another is told, or what an example is; without a sampler an example.
  async drawn(seed, like) {
    const some = this.example(seed % this.told.z.length), c = like?.c ?? some.c;
    if (!this.sampler) return { ...some, c };
    const { data } = await this.run(this.sampler, normals(some.z.length, seed), [1, some.z.length], c);
    return { z: [...data], c };
  }

  tell({ point, text }) {
    const c = this.told.conditions[text];
    if (!c) throw new Error(`'${text}' is not among what this model can be told: ${Object.keys(this.told.conditions).join(", ")}`);
    return this.shown([{ ...point, c }]);
  }

  way({ points, places, steps, loop }) {
    const made = places
      ? traced(places, steps, loop).map((place) => this.at(place))
      : along(points, steps, loop).map(([leg, t]) => this.between(points[leg], points[(leg + 1) % points.length], t));
    return { points: made, places: made.map((point) => this.places(point)) };
  }
}
