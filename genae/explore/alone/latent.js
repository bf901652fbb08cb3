// Where points lie and what lies between them, as genae/latent/axes.py, genae/explore/explorer.py and points.py have it; z is
// an array of numbers here.

const NEAR = 6, SMALL = 1e-4;

export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
export const lerp = (a, b, t) => a.map((x, i) => (1 - t) * x + t * b[i]);
const norm = (a) => Math.sqrt(dot(a, a));

// On the arc from a, 0, to b, 1, its length going evenly.
export function slerp(a, b, t) {
  if (t === 0 || t === 1) return t ? [...b] : [...a];
  const [long, other] = [norm(a), norm(b)];
  if (!long || !other) return lerp(a, b, t);
  const [u, v] = [a.map((x) => x / long), b.map((x) => x / other)];
  const angle = 2 * Math.atan2(norm(u.map((x, i) => x - v[i])), norm(u.map((x, i) => x + v[i])));
  if (Math.sin(angle) < SMALL) return lerp(a, b, t);
  const length = (1 - t) * long + t * other, by = length / Math.sin(angle);
  return u.map((x, i) => by * (Math.sin((1 - t) * angle) * x + Math.sin(t * angle) * v[i]));
}

// Directions of length 1, and examples' means and spreads along them.
export class Axes {
  constructor({ directions, means, spreads }) { Object.assign(this, { directions, means, spreads }); }

  place(z, k) { return (dot(z, this.directions[k]) - this.means[k]) / this.spreads[k]; }

  places(z) { return this.directions.map((_, k) => this.place(z, k)); }

  moved(z, to) {
    for (const [k, wish] of Object.entries(to)) {
      const by = (wish - this.place(z, k)) * this.spreads[k];
      z = z.map((x, i) => x + by * this.directions[k][i]);
    }
    return z;
  }
}

// The examples nearest to a place of the map, nearest first, and how much each counts there.
export function around(plane, place) {
  const apart = plane.map((dot, i) => [Math.max(1e-6, Math.hypot(...dot.map((x, k) => x - place[k]))), i]);
  const near = apart.sort(([a], [b]) => a - b).slice(0, NEAR + 1), edge = near.at(-1)[0];
  const raw = near.map(([d]) => (edge > near[0][0] ? ((edge - d) / (edge * d)) ** 2 : 1));
  const sum = raw.reduce((a, b) => a + b, 0);
  return near.map(([, i], k) => [i, raw[k] / sum]);
}

// `steps` places of the way through points, each as [leg, share of it]; a loop leaves out the last.
export function along(points, steps, loop) {
  const legs = points.length - (loop ? 0 : 1);
  return Array.from({ length: steps }, (_, i) => {
    const at = (i * legs) / (loop ? steps : steps - 1), leg = Math.min(Math.floor(at), legs - 1);
    return [leg, at - leg];
  });
}

// `steps` places evenly spaced along a line that was drawn.
export function traced(places, steps, loop) {
  const line = loop ? [...places, places[0]] : places, length = [0];
  for (let i = 1; i < line.length; i++) length.push(length[i - 1] + Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]));
  return Array.from({ length: steps }, (_, i) => {
    const wanted = (i * length.at(-1)) / (loop ? steps : steps - 1);
    const leg = Math.max(1, length.findIndex((one, k) => k && one >= wanted));
    return lerp(line[leg - 1], line[leg], Math.min(1, (wanted - length[leg - 1]) / Math.max(1e-9, length[leg] - length[leg - 1])));
  });
}

// Standard-normal numbers of a seed (mulberry32; Box and Muller).
export function normals(n, seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
