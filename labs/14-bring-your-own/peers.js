// Chat servers side by side: the same listeners, the same messages, one server after the other, round after round.
//
//   npm install ws bun          in a folder of its own; a server that is not there is left out
//   node peers.js FOLDER        where FOLDER has node_modules; it gets the results, FOLDER/results/*.json
//
// It prints a table of medians over the rounds: what a delivery cost the server, beside talkplace's own in the same rounds,
// and what a listener that is only there took of its memory. Servers run on processor 0, the listeners on the others.

const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const folder = path.resolve(process.argv[2] ?? ".");
const rounds = Number(process.env.ROUNDS ?? 5);
const talkplace = process.env.TALKPLACE ?? "talkplace";
// A message of talkplace's is its text and some 100 bytes more; the others carry that as text, so that all carry as much.
const ours = { "feed.text_bytes": 64 };
const others = { "feed.text_bytes": 162 };

const works = [
  { name: "websocket", transport: "websocket", rate: "50/s", of: "WebSocket, 1,000 listeners, 50 messages a second" },
  { name: "events", transport: "events", rate: "50/s", of: "events, 1,000 listeners, 50 messages a second" },
  { name: "long-poll", transport: "long-poll", rate: "20/s", of: "long polling, 1,000 listeners, 20 messages a second" },
];

const here = (name) => path.join(__dirname, name);
const installed = (name) => path.join(folder, "node_modules", name);
const chat = { dialect: "ws-broadcast", works: ["websocket"], knobs: others };
const servers = [
  {
    name: "talkplace",
    dialect: "talkplace",
    command: [talkplace, "serve", "--listen", "127.0.0.1:3100", "--workers", "1", "--publish-rate", "off"],
    url: "http://127.0.0.1:3100",
    works: ["websocket", "events", "long-poll"],
    knobs: ours,
  },
  { ...chat, name: "the lab's server.js", command: ["node", here("server.js"), "3100"] },
  { ...chat, name: "Node with ws", command: ["node", here("peers/ws.js"), "3100"], needs: installed("ws") },
  { ...chat, name: "Bun", command: [installed(".bin/bun"), here("peers/bun.js"), "3100"], needs: installed(".bin/bun") },
  {
    name: "nginx with nchan",
    dialect: "nchan",
    command: ["nginx", "-p", folder, "-e", "stderr", "-c", here("nginx.conf")],
    url: "http://127.0.0.1:8080",
    works: ["websocket", "events", "long-poll"],
    needs: "/usr/lib/nginx/modules/ngx_nchan_module.so",
    knobs: others,
  },
];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The results of a run, also of one that says with its status (1, 3) that something is wrong with it.
function run(flags) {
  const command = ["-c", process.env.LISTENERS_ON ?? "1", talkplace, ...flags];
  const ended = spawnSync("taskset", command, { maxBuffer: 1 << 28, encoding: "utf8" });
  if (!ended.stdout) throw new Error(ended.stderr || String(ended.error));
  return ended.stdout;
}

// Measures one server, started anew for it. Gives the results, or nothing when it could not be.
async function measure(server, work, round) {
  const [program, ...words] = server.command;
  const environment = { ...process.env, NODE_PATH: path.join(folder, "node_modules") };
  const child = spawn("taskset", ["-c", "0", program, ...words], { stdio: "ignore", env: environment });
  try {
    await pause(1500);
    const knobs = { ...server.knobs, "feed.rate": work.rate, "feed.arrivals": "constant", "link.rtt": "0s" };
    const set = Object.entries(knobs).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const flags = [
      ...["run", "bring-your-own", "--json", "--no-compare", "--out", path.join(folder, "reports")],
      ...["--target", server.url ?? "ws://127.0.0.1:3100/talkplace", "--dialect", server.dialect],
      ...["--target-name", server.name, "--target-pid", String(child.pid), "--transports", work.transport],
      ...["--listeners", "1000", "--duration", "5s", ...set],
    ];
    const json = run(flags);
    const file = `${work.name}-${server.name.replace(/[^a-z]+/gi, "-")}-${round}.json`;
    fs.writeFileSync(path.join(folder, "results", file), json);
    return JSON.parse(json);
  } catch (error) {
    console.error(`${server.name}, ${work.name}, round ${round}: ${error.message}`);
    return undefined;
  } finally {
    child.kill();
    await pause(500);
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (value, digits) => (Number.isFinite(value) ? value.toPrecision(digits) : "not available here");

// What is compared, from the one run in a set of results.
function figures({ runs: [run], unclear }) {
  const { cpu_s, rss_settled_bytes, rss_before_bytes } = run.server;
  return {
    cpu_us: (cpu_s * 1e6) / run.counts.deliveries,
    memory: (rss_settled_bytes - rss_before_bytes) / run.listeners,
    bytes: (run.bytes_in.heads + run.bytes_in.bodies + run.bytes_in.frames) / run.counts.deliveries,
    clean: run.ledger.heard === run.ledger.expected && run.ledger.lost === 0,
    unclear: unclear.length > 0,
  };
}

async function main() {
  fs.mkdirSync(path.join(folder, "results"), { recursive: true });
  fs.mkdirSync(path.join(folder, "temp"), { recursive: true });
  const there = servers.filter(({ needs }) => !needs || fs.existsSync(needs));
  for (const { name } of servers.filter((server) => !there.includes(server))) console.error(`${name} is not installed`);
  for (const work of works.filter(({ name }) => !process.env.WORKS || process.env.WORKS.split(",").includes(name))) {
    const found = new Map(there.filter((server) => server.works.includes(work.name)).map(({ name }) => [name, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const server of there.filter(({ name }) => found.has(name))) {
        const results = await measure(server, work, round);
        if (results?.runs.length) found.get(server.name).push({ round, ...figures(results) });
      }
    }
    table(work, found);
  }
}

function table(work, found) {
  console.log(`\n${work.of}; medians of ${rounds} rounds (least to most)\n`);
  console.log("| server | CPU a delivery | beside talkplace’s of the round | memory a silent listener | bytes a delivery | rounds, unclear |");
  console.log("|---|---|---|---|---|---|");
  const base = new Map(found.get("talkplace")?.map(({ round, cpu_us }) => [round, cpu_us]));
  for (const [name, all] of found) {
    if (all.length === 0) continue;
    const ratios = all.map(({ round, cpu_us }) => cpu_us / base.get(round)).filter(Number.isFinite);
    const range = ratios.length ? `${shown(median(ratios), 3)} (${shown(Math.min(...ratios), 3)}–${shown(Math.max(...ratios), 3)})` : "";
    const cells = [
      `${name}${all.every(({ clean }) => clean) ? "" : ", not everything heard"}`,
      `${shown(median(all.map(({ cpu_us }) => cpu_us)), 3)} µs`,
      range,
      `${shown(median(all.map(({ memory }) => memory)) / 1000, 3)} kB`,
      `${shown(median(all.map(({ bytes }) => bytes)), 3)} B`,
      `${all.length}, ${all.filter(({ unclear }) => unclear).length}`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

main();
