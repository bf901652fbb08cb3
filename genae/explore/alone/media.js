// What a decoder gives, as files: pictures (1, H, W, 1 or 3) from 0 to 1 as PNG, sound (1, channels, samples) as WAV.

import { suffix } from "./viewer.js";

const FORMS = { png, wav };

export async function medium({ type, rate }, data, dims) {
  const blob = await FORMS[suffix(type)](data, dims, rate);
  return { type, blob, size: blob.size };
}

function png(data, [, high, wide, channels]) {
  const canvas = new OffscreenCanvas(wide, high), context = canvas.getContext("2d"), image = context.createImageData(wide, high);
  for (let i = 0; i < wide * high; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = 255 * data[channels * i + (channels > 1 ? k : 0)]; // rounded and clamped
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

function wav(data, [, channels, samples], rate) {
  const bytes = 2 * channels * samples, view = new DataView(new ArrayBuffer(44 + bytes));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); text(8, "WAVEfmt "); text(36, "data");
  for (const [at, value] of [[4, 36 + bytes], [16, 16], [24, rate], [28, 2 * channels * rate], [40, bytes]]) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, channels], [32, 2 * channels], [34, 16]]) view.setUint16(at, value, true);
  for (let i = 0; i < samples; i++)
    for (let k = 0; k < channels; k++) {
      const x = Math.min(1, Math.max(-1, data[k * samples + i]));
      view.setInt16(44 + 2 * (i * channels + k), Math.round(32767 * x), true);
    }
  return new Blob([view.buffer], { type: "audio/wav" });
}
