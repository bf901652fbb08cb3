// The page: one point is *here*; everything else moves it, shows it, or keeps it.

import { Look, Sliders } from "./controls.js";
import { colourOf } from "./draw.js";
import { drop, Link } from "./link.js";
import { LatentMap } from "./map.js";
import { Pad } from "./pad.js";
import { Player } from "./player.js";
import { entry, Tray } from "./tray.js";
import { links, soundOf, thumbnail, viewsOf, wave } from "./viewer.js";
import { Way } from "./way.js";

const FRAME = 1 / 12; // seconds that a step is seen that has no length of its own
const $ = (id) => document.getElementById(id);
const page = { here: null, media: [], views: [], told: false, example: -1, turn: 0 };
const player = new Player();

// -- light and dark, errors, the connection --------------------------------------------------------------------------------

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("genae-theme", theme); } catch { /* it is asked again next time */ }
}

function firstTheme() {
  try { if (localStorage.getItem("genae-theme")) return localStorage.getItem("genae-theme"); } catch { /* the system's, then */ }
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

let silence;
function fail(error) {
  $("error").textContent = error.message;
  $("error").hidden = false;
  clearTimeout(silence);
  silence = setTimeout(() => { $("error").hidden = true; }, 8000);
}

let told = 0;
function connected(state, milliseconds) {
  $("link").dataset.state = state;
  if (state === "lost") $("link").textContent = "connection lost, trying again …";
  else if (milliseconds === undefined) $("link").textContent = "connected";
  else if (performance.now() - told > 250) {
    told = performance.now();
    $("link").textContent = `${Math.round(milliseconds)} ms`;
  }
}

setTheme(firstTheme());
const link = new Link(connected);
const ask = (name, about, channel) => link.ask(name, { ...about, look: page.look?.told }, channel);
const quietly = (call) => (...given) => Promise.resolve(call(...given)).catch(fail);

// -- the point -----------------------------------------------------------------------------------------------------------------

// What an answer shows becomes the point; an answer that a later question overtook is nothing.
const go = quietly(async (name, about, from = "", channel = "go") => {
  const answer = await ask(name, about, channel);
  if (answer) await show(answer.shown[0], from);
});

async function show(shown, from = "", after = false) {
  const turn = ++page.turn;
  page.here = shown.point;
  page.media = shown.media;
  if (from !== "map") page.example = -1;
  map.setPlace([shown.places[0] ?? 0, shown.places[1] ?? 0]);
  page.sliders.set(shown.places);
  if (from !== "pad") pad.leave();
  const views = await viewsOf(shown.media), sound = soundOf(shown.media);
  if (turn !== page.turn) return FRAME;
  page.views = views;
  $("stage").replaceChildren(...views.map((view) => view.element));
  for (const old of $("files").children) URL.revokeObjectURL(old.href);
  $("files").replaceChildren(...links(shown.media, "point"));
  $("transport").hidden = !sound;
  const buffer = sound && (await player.load(sound.blob, after));
  if (turn === page.turn && buffer && !views.some((view) => view.whole)) add(wave(buffer));
  for (const view of page.views) view.at?.(null);
  document.body.dataset.shown = +(document.body.dataset.shown ?? 0) + 1;
  store();
  return buffer ? buffer.duration : FRAME;
}

function add(view) {
  page.views.push(view);
  $("stage").append(view.element);
}

function store() {
  try { sessionStorage.setItem(`${location.pathname} here`, JSON.stringify(page.here)); } catch { /* it is lost with the page, then */ }
}

const move = (to) => go("show", { point: page.here, to });
const over = (place) => go("over", { place, ...(page.told ? { point: page.here } : {}) }, "map");
const again = () => page.here && go("show", { point: page.here }, "map");

function example(i) {
  page.example = i;
  return go("show", { example: i }, "map");
}

// -- the parts of the page -----------------------------------------------------------------------------------------------------

const map = new LatentMap($("map"), {
  example,
  over,
  step: (by) => example((page.example + by + map.dots.length) % map.dots.length),
  drawn: (places) => way.drawn(places),
  hover: (i) => { $("hover").textContent = i < 0 ? "" : nameOf(i); },
});

const pad = new Pad($("pad"), $("corners"), {
  mix: (points, x, y) => points.every(Boolean) && go("mix", { points, x, y }, "pad"),
  here: (corner) => corner.fill([page.here]),
  file: quietly(async (corner, file) => corner.fill(await drop(file))),
  filled: quietly(async (corner) => {
    const answer = await ask("show", { point: corner.point });
    corner.picture(await thumbnail(answer.shown[0].media));
    if (pad.live) pad.set(pad.x, pad.y);
  }),
});

const way = new Way(
  { add: $("path-add"), play: $("path-play"), steps: $("path-steps"), loop: $("path-loop"), save: $("path-save"),
    clear: $("path-clear"), slider: $("path-at"), state: $("path-state") },
  {
    here: () => page.here,
    ask: (about) => ask("way", about),
    trail: (places) => map.setTrail(places),
    decode: async (point) => (await ask("show", { point })).shown[0],
    show: (shown) => show(shown, "", true),
    save: (points) => save(points, true),
    playing: quietly(async (on) => {
      if (on && soundOf(page.media)) await player.follow();
      else player.stop();
      pressed();
    }),
  },
);

const tray = new Tray($("tray"), `${location.pathname} tray`, {
  go: (point) => go("show", { point }),
  changed: (n) => { $("save").disabled = !n; },
});

const save = quietly(async (points, along = false) => {
  const answer = await ask("save", { points, way: along });
  $("saved").textContent = `${answer.files} ${answer.files === 1 ? "file" : "files"} in ${answer.folder}`;
});

const variations = quietly(async () => {
  $("near").hidden = false;
  const answer = await ask("near", { point: page.here, n: 8, distance: +$("distance").value, seed: Math.floor(Math.random() * 2 ** 31) }, "near");
  if (!answer) return;
  const entries = answer.shown.map((shown, i) => entry(shown, () => show(shown).catch(fail), `Go to variation ${i + 1}`));
  $("variations").replaceChildren(...(await Promise.all(entries)));
});

// -- playing -------------------------------------------------------------------------------------------------------------------

function pressed() {
  $("play").setAttribute("aria-pressed", Boolean(player.playing));
  $("play").textContent = player.playing ? "Stop" : "Play";
}

async function toggle() {
  if (player.playing) player.stop();
  else {
    player.setLoop($("loop").checked);
    await player.play();
  }
  pressed();
}

player.onEnd = () => { if (!way.playing) pressed(); else player.playing = true; };

function tick() {
  if (player.playing) for (const view of page.views) view.at?.(player.share(), player.clip?.buffer.duration);
  $("level").value = player.level();
  requestAnimationFrame(tick);
}

// -- wiring --------------------------------------------------------------------------------------------------------------------

function nameOf(i) {
  const { names, labels, classes } = page.hello.examples;
  return [classes[labels[i]], names[i].split("/").at(-1)].filter(Boolean).join(" · ");
}

function legend({ classes }) {
  $("legend").hidden = classes.length < 2;
  $("legend").replaceChildren(...classes.map((name, i) => {
    const row = document.createElement("li"), dot = document.createElement("canvas");
    const context = dot.getContext("2d");
    context.fillStyle = colourOf(i, classes.length);
    context.fillRect(0, 0, dot.width, dot.height);
    row.append(dot, name);
    return row;
  }));
}

function mode(name) {
  map.mode = name;
  $("wander").setAttribute("aria-pressed", name === "wander");
  $("draw").setAttribute("aria-pressed", name === "draw");
}

function keys(event) {
  if (event.target.matches("input, select, button, summary, a") || event.ctrlKey || event.metaKey || event.altKey) return;
  const call = { " ": () => !$("transport").hidden && toggle(), f: () => $("keep").click(), n: () => $("new").click(), m: () => $("more").click() }[event.key];
  if (!call) return;
  event.preventDefault();
  quietly(call)();
}

function wire() {
  $("wander").onclick = () => mode("wander");
  $("draw").onclick = () => mode("draw");
  $("fit").onclick = () => map.whole();
  $("theme").onclick = () => {
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    map.colours = page.hello.examples.labels.map((label) => colourOf(label, page.hello.examples.classes.length));
    legend(page.hello.examples);
    map.redraw();
    pad.paint();
    for (const view of page.views) view.at?.(null);
  };
  $("play").onclick = quietly(toggle);
  $("loop").onchange = () => player.setLoop($("loop").checked);
  $("volume").oninput = () => player.setVolume(+$("volume").value);
  $("keep").onclick = quietly(() => tray.add({ point: page.here, media: page.media }));
  $("more").onclick = variations;
  $("distance").onchange = variations;
  $("new").onclick = () => go("draw", { seed: Math.floor(Math.random() * 2 ** 31), ...(page.told ? { point: page.here } : {}) });
  $("save").onclick = () => save(tray.points);
  $("tell").onsubmit = (event) => {
    event.preventDefault();
    page.told = true;
    go("tell", { point: page.here, text: $("condition").value });
  };
  document.addEventListener("keydown", keys);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", quietly(async (event) => {
    event.preventDefault();
    if (!event.defaultPrevented || event.target.closest(".corner") || !event.dataTransfer.files[0]) return;
    go("show", { point: (await drop(event.dataTransfer.files[0]))[0] });
  }));
}

function told_(hello) {
  $("told").hidden = !hello.tells.size;
  $("condition").placeholder = hello.tells.names.map((name) => `${name}=…`).join(",");
  $("choices").replaceChildren(...hello.tells.choices.map((name) => Object.assign(document.createElement("option"), { value: name })));
}

// Where the tab was before it was loaded again, else an example; four examples for the corners.
async function begin(hello) {
  let before = null;
  try { before = JSON.parse(sessionStorage.getItem(`${location.pathname} here`)); } catch { /* a new tab */ }
  if (before) await go("show", { point: before });
  if (!page.here) await example(0);
  const n = hello.examples.places.length;
  for (const [i, corner] of pad.corners.entries()) {
    const answer = await ask("show", { example: Math.floor(((i + 0.5) * n) / 4) });
    await corner.fill([answer.shown[0].point]);
  }
  for (const point of tray.stored()) await kept(point);
}

// A page without a server reads no files, and shows points in one way.
function alone() {
  document.body.dataset.alone = "yes";
  $("how").textContent = "Drag favourites to a corner, or press it to set it to this point.";
  $("save").textContent = "Save";
  $("looks").hidden = true;
}

const kept = quietly(async (point) => {
  const answer = await ask("show", { point });
  await tray.add(answer.shown[0]);
});

async function start() {
  const hello = (page.hello = await link.ask("hello"));
  if (!hello.suffixes.length) alone();
  $("title").textContent = document.title = hello.title;
  $("remark").textContent = hello.remark;
  page.sliders = new Sliders($("sliders"), hello.axes, (i, place) => move({ [i]: place }));
  page.look = new Look($("look"), hello, () => { way.forget(); again(); });
  $("axes").hidden = !hello.axes.length;
  $("new").hidden = !hello.draws;
  told_(hello);
  legend(hello.examples);
  map.fill(hello.examples);
  wire();
  requestAnimationFrame(tick);
  await begin(hello);
  document.body.dataset.ready = "yes";
}

start().catch(fail);
