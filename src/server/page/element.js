// Making elements without markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with these attributes and children. A child that is a string becomes text, whatever is in it: nothing that
 * somebody typed is ever read as markup. The page's policy forbids the other way, too.
 */
export function element(name, attributes = {}, ...children) {
  return finish(document.createElement(name), attributes, children);
}

/** The same for a shape of SVG. */
export function shape(name, attributes = {}, ...children) {
  return finish(document.createElementNS(SVG, name), attributes, children);
}

function finish(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
