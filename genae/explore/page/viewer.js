// What a browser can show of an example, by media type. The server and this page know no domain: a type is all there is to go by.

import { colourOf, css, fitted } from "./draw.js";
import { notesOf } from "./midi.js";

const SMALL = 128, WIDE = 1.6; // pixels up to which a picture is shown in squares; how much wider than high fills the whole width
const DRUMS = 9; // channel
const known = { low: 127, high: 0 }; // pitches seen so far: the roll's edges stay where they are while it morphs

const isScore = (type) => /midi/.test(type);
const isSound = (type) => type.startsWith("audio/") && !isScore(type);
const isPicture = (type) => type.startsWith("image/");

export const soundOf = (media) => media.find((one) => isSound(one.type));

// Elements that show media, those that say most first. Each has `at(share, seconds)` where it has a playhead, and is `whole`
// where nothing need be seen beside it.
export async function viewsOf(media) {
  const of = (is) => media.find((one) => is(one.type));
  const [score, sound, picture, text] = [of(isScore), of(isSound), of(isPicture), of((type) => type.startsWith("text/"))];
  if (score) return [await roll(score.blob)];
  const views = picture ? [await image(picture.blob, Boolean(sound))] : [];
  if (text && !picture) views.push(await written(text.blob));
  return views.length || sound ? views : [bare("Nothing that a browser can show; its files are below.")];
}

// One small element for a list.
export async function thumbnail(media) {
  const score = media.find((one) => isScore(one.type)), picture = media.find((one) => isPicture(one.type));
  if (score) return (await roll(score.blob, false)).element;
  if (picture) return (await image(picture.blob, false)).element.firstChild;
  const sound = soundOf(media);
  return sound ? small(wave(await heard(sound.blob))) : bare("·").element;
}

const heard = async (blob) => new OfflineAudioContext(1, 1, 44100).decodeAudioData(await blob.arrayBuffer());
const small = ({ element }) => Object.assign(element, { className: "" });

// Decoded samples of the first channel: in every column from the least to the largest.
export function wave(buffer) {
  const canvas = document.createElement("canvas");
  canvas.className = "wave";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Waveform of ${buffer.duration.toFixed(1)} seconds`);
  const paint = (share = null) => paintWave(canvas, buffer.getChannelData(0), share);
  new ResizeObserver(() => paint()).observe(canvas);
  return { element: canvas, at: paint };
}

function paintWave(canvas, samples, share) {
  const size = sizeOf(canvas), context = fitted(canvas, size), each = Math.max(1, samples.length / size.width);
  context.fillStyle = css("--soft");
  for (let x = 0; x < size.width; x++) {
    let low = 1, high = -1;
    for (let i = Math.floor(x * each); i < Math.min(samples.length, (x + 1) * each); i += Math.ceil(each / 64)) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    context.fillRect(x, ((1 - high) * size.height) / 2, 1, Math.max(1, ((high - low) * size.height) / 2));
  }
  line(context, share, size);
}

function bare(line) {
  const element = document.createElement("p");
  element.className = "quiet text";
  element.textContent = line;
  return { element };
}

async function written(blob) {
  const element = document.createElement("pre");
  element.className = "text";
  element.tabIndex = 0;
  element.setAttribute("aria-label", "This point as text");
  element.textContent = (await blob.text()).slice(0, 4000);
  return { element };
}

async function image(blob, timed) {
  const picture = new Image(), element = document.createElement("div");
  const address = URL.createObjectURL(blob);
  picture.src = address;
  picture.alt = "What is decoded here";
  await picture.decode();
  URL.revokeObjectURL(address);
  element.className = "seen";
  if (timed || picture.naturalWidth > WIDE * picture.naturalHeight) picture.className = "stretched";
  if (!timed && Math.max(picture.naturalWidth, picture.naturalHeight) <= SMALL && picture.naturalWidth < WIDE * picture.naturalHeight)
    picture.className = "small";
  element.append(picture);
  if (!timed) return { element };
  const head = document.createElement("canvas");
  head.className = "head";
  element.append(head);
  return { element, at: (share) => line(fitted(head, sizeOf(head)), share, sizeOf(head)) };
}

const sizeOf = (canvas) => ({ width: canvas.clientWidth || 120, height: canvas.clientHeight || 120 });

function line(context, share, { width, height }) {
  if (share === null) return;
  context.fillStyle = css("--accent");
  context.fillRect(Math.round(share * width) - 1, 0, 2, height);
}

async function roll(blob, playable = true) {
  const canvas = document.createElement("canvas");
  const score = notesOf(await blob.arrayBuffer());
  canvas.className = playable ? "roll" : "";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Piano roll of ${score.notes.length} notes`);
  for (const { pitch } of score.notes) [known.low, known.high] = [Math.min(known.low, pitch), Math.max(known.high, pitch)];
  const paint = (share = null, seconds = null) => paintRoll(canvas, score, share, seconds);
  new ResizeObserver(() => paint()).observe(canvas);
  return { element: canvas, at: paint, whole: true };
}

function paintRoll(canvas, { notes, bars, seconds }, share, length) {
  const size = sizeOf(canvas), context = fitted(canvas, size);
  const span = Math.max(24, known.high - known.low + 5), low = (known.high + known.low - span) / 2;
  const x = (time) => (time / (seconds || 1)) * size.width, step = size.height / span;
  context.fillStyle = css("--line");
  for (const bar of bars.slice(1)) if (bar < seconds) context.fillRect(x(bar), 0, 1, size.height);
  const playing = share === null ? -1 : share * (length ?? seconds);
  const channels = [...new Set(notes.map((note) => note.channel))].sort((a, b) => a - b);
  for (const { channel, pitch, begin, end } of notes) {
    const sounding = playing >= begin && playing < end;
    const place = channels.indexOf(channel);
    context.fillStyle = sounding ? css("--ink") : place ? colourOf(channel === DRUMS ? 2 : place, 5) : css("--accent");
    context.beginPath();
    context.roundRect(x(begin) + 0.5, size.height - (pitch - low + 1) * step, Math.max(2, x(end) - x(begin) - 1), Math.max(2, step - 1), 2);
    context.fill();
  }
  if (playing >= 0) line(context, playing / (seconds || 1), size);
}

const kindOf = (type) => type.split("/")[1].replace(/^x-/, "").replace("octet-stream", "file");
export const suffix = (type) => (kindOf(type) === "midi" ? "mid" : kindOf(type));

// Links to each medium as a file: to be pressed, or dragged to another program.
export function links(media, stem) {
  return media.map(({ type, blob }) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${stem}.${suffix(type)}`;
    link.textContent = kindOf(type).toUpperCase();
    link.draggable = true;
    link.addEventListener("dragstart", (event) => event.dataTransfer.setData("DownloadURL", `${type}:${link.download}:${link.href}`));
    return link;
  });
}
