// Points are places of the map that were decoded beforehand, {at}, by number: the nearest one is shown.

import { along, lerp, traced } from "./latent.js";
import { Alone } from "./model.js";

export class Rendered extends Alone {
  static async of(told) { return new Rendered(told); }

  places({ at }) { return this.told.places[at]; }

  // Number of the nearest, or of the n nearest.
  ranked(place) {
    const apart = this.told.places.map((one, i) => [Math.hypot(...one.map((x, k) => x - place[k])), i]);
    return apart.sort(([a], [b]) => a - b).map(([, at]) => ({ at }));
  }

  nearest(place) { return this.ranked(place)[0]; }

  async media(points) { return Promise.all(points.map(({ at }) => this.files(at))); }

  // A place's, fetched when it is first seen.
  files(at) {
    this.fetched ??= new Map();
    if (!this.fetched.has(at)) this.fetched.set(at, Promise.all(this.told.media[at].map(fetched)));
    return this.fetched.get(at);
  }

  // -- what is asked --------------------------------------------------------------------------------------------------------

  show({ point, example, to = {} }) {
    if (point && !this.told.places[point.at]) throw new Error("that point is of another model");
    const place = { ...(point ? this.places(point) : this.plane[example]), ...to };
    return this.shown([point && !Object.keys(to).length ? point : this.nearest(Object.values(place))]);
  }

  over({ place }) { return this.shown([this.nearest(place)]); }

  mix({ points, x, y }) {
    const [a, b, c, d] = points.map((point) => this.places(point));
    return this.shown([this.nearest(lerp(lerp(a, b, x), lerp(c, d, x), y))]);
  }

  // From the places next to it, `distance` of all places are near.
  near({ point, n, distance, seed }) {
    const others = this.ranked(this.places(point)).slice(1), most = Math.max(n, Math.round(distance * others.length));
    const step = Math.max(1, Math.floor(Math.min(most, others.length) / n));
    return this.shown(Array.from({ length: Math.min(n, others.length) }, (_, i) => others[i * step + (seed % step)]));
  }

  draw({ seed }) { return this.shown([{ at: seed % this.told.places.length }]); }

  // A path goes through each place once where it stays there.
  way({ points, places, steps, loop }) {
    const ends = points?.map((point) => this.places(point));
    const line = places
      ? traced(places, steps, loop)
      : along(points, steps, loop).map(([leg, t]) => lerp(ends[leg], ends[(leg + 1) % ends.length], t));
    const made = line.map((place) => this.nearest(place)).filter(({ at }, i, all) => !i || at !== all[i - 1].at);
    return { points: made, places: made.map((point) => this.places(point)) };
  }
}

async function fetched({ type, file }) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file} is not there`);
  const blob = new Blob([await answer.arrayBuffer()], { type });
  return { type, blob, size: blob.size };
}
