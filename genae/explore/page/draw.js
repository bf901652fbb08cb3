// What all canvases share: sharp pixels, the page's colours, the mark of a point.

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A canvas of that size in CSS pixels, cleared, as sharp as the screen is.
export function fitted(canvas, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Of a class among n: as far apart as n allows, light enough for dark and dark enough for light; without a class, grey.
export function colourOf(label, n) {
  const light = document.documentElement.dataset.theme === "light";
  if (label < 0 || !n) return light ? "#6b7280" : "#8b93a3";
  return `oklch(${light ? 58 : 74}% ${light ? 0.15 : 0.13} ${(((label * 360) / n) + 25) % 360})`;
}

export function glow(context, x, y) {
  context.lineWidth = 3;
  context.strokeStyle = css("--ground");
  context.fillStyle = css("--accent");
  context.beginPath();
  context.arc(x, y, 8, 0, 7);
  context.fill();
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = css("--accent");
  context.beginPath();
  context.arc(x, y, 12, 0, 7);
  context.stroke();
}
