// Where the lesson's script runs: apart from the page, with a console that the page shows.

for (const kind of ["log", "info", "warn", "error"]) {
  const usual = console[kind].bind(console);
  console[kind] = (...values) => {
    usual(...values);
    postMessage(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "));
  };
}

importScripts("/page/lesson-script.js");
