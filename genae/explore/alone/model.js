// What both ways of answering share. A subclass has `places(point)`, where one lies, and `media(points)`, a list for each.

import { suffix } from "./viewer.js";
import { download, zipped } from "./zip.js";

export class Alone {
  constructor(told) {
    this.told = told;
    this.plane = told.hello.examples.places.map(([x, y = 0]) => [x, y]);
  }

  hello() { return this.told.hello; }

  async shown(points) {
    const media = await this.media(points);
    return { shown: points.map((point, i) => ({ point, places: this.places(point), media: media[i] })) };
  }

  // As files of one archive.
  async save({ points, way }) {
    const media = await this.media(points), files = {};
    for (const [i, of] of media.entries())
      for (const { type, blob } of of) files[`${way ? "step" : "favourite"}-${i + 1}.${suffix(type)}`] = blob;
    download(await zipped(files), "explored.zip");
    return { files: Object.keys(files).length, folder: "explored.zip" };
  }
}
