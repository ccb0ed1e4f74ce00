// Ten faces, drawn from a few shapes each.

import { shape } from "./element.js";

/** Background, and what stands on the head: two of each kind would be hard to tell apart at this size. */
const FACES = [
  { hue: "#56b4e9", top: "none", mouth: "smile" },
  { hue: "#e69f00", top: "ears", mouth: "smile" },
  { hue: "#009e73", top: "sprout", mouth: "open" },
  { hue: "#cc79a7", top: "bunny", mouth: "flat" },
  { hue: "#f0e442", top: "curls", mouth: "smile" },
  { hue: "#d55e00", top: "horns", mouth: "open" },
  { hue: "#8f7ee7", top: "antennae", mouth: "flat" },
  { hue: "#b0b7bf", top: "cat", mouth: "smile" },
  { hue: "#7ccf6b", top: "hat", mouth: "flat" },
  { hue: "#ff9d9d", top: "bun", mouth: "open" },
];

const INK = "#1f2328";

const TOPS = {
  none: () => [],
  ears: (fill) => [circle(7, 12, 4, fill), circle(33, 12, 4, fill)],
  sprout: () => [line("M20 9V3M20 5q5-5 7 0q-4 3-7 0", "#2f6b3c")],
  bunny: (fill) => [ellipse(14, 6, 3, 7, fill), ellipse(26, 6, 3, 7, fill)],
  curls: () => [11, 17, 23, 29].map((x) => circle(x, 10, 4, "#6b4a2b")),
  horns: () => [line("M11 11Q7 8 8 3M29 11q4-3 3-8", INK)],
  antennae: (fill) => [line("M15 10L11 3M25 10l4-7", INK), circle(11, 3, 2, fill), circle(29, 3, 2, fill)],
  cat: (fill) => [solid("M8 15V3l9 6zM32 15V3l-9 6z", fill)],
  hat: () => [solid("M6 11h28v3H6zM12 11V3h16v8z", "#44546a")],
  bun: () => [circle(20, 5, 4, "#3b2a20"), solid("M8 17Q9 8 20 8t12 9Q20 11 8 17z", "#3b2a20")],
};

const MOUTHS = {
  smile: () => line("M15 26q5 5 10 0", INK),
  open: () => ellipse(20, 27, 3, 3.5, INK),
  flat: () => line("M16 27h8", INK),
};

/** The face of this `image`, for eyes only: the name stands beside it. */
export function avatar(image) {
  const face = FACES[image % FACES.length];
  return shape(
    "svg",
    { class: "avatar", viewBox: "0 0 40 40", "aria-hidden": "true", focusable: "false" },
    // What lies behind the head comes first, what lies on it last.
    ...(["curls", "hat", "bun"].includes(face.top) ? [] : TOPS[face.top](face.hue)),
    circle(20, 22, 14, face.hue),
    ...(["curls", "hat", "bun"].includes(face.top) ? TOPS[face.top](face.hue) : []),
    circle(15, 21, 1.8, INK),
    circle(25, 21, 1.8, INK),
    MOUTHS[face.mouth](),
  );
}

function circle(cx, cy, r, fill) {
  return shape("circle", { cx, cy, r, fill });
}

function ellipse(cx, cy, rx, ry, fill) {
  return shape("ellipse", { cx, cy, rx, ry, fill });
}

function solid(d, fill) {
  return shape("path", { d, fill });
}

function line(d, stroke) {
  return shape("path", { d, stroke, fill: "none", "stroke-width": 2, "stroke-linecap": "round" });
}
