// Takes jobs from the server that served this page, runs models, and answers. One job at a time.
//
// A timed call is what a web app does: hand typed arrays over, run, take typed arrays back. Several
// models take turns, a burst of a few milliseconds each, in an order shuffled anew every round.

const pageLoaded = performance.now();
const here = new URL(".", location.href).href;
const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array,
  int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  int64: BigInt64Array, uint64: BigUint64Array, bool: Uint8Array,
};
const BURST_MS = 4;
const WINDOW_MS = 50;
const WINDOWS = 10;
const STILL_WARMING = 0.97;
const LEAST_ROUNDS = 3;

const engines = {
  async onnx({threads}) {
    const ort = await import("./onnxruntime-web/dist/ort.wasm.min.mjs");
    ort.env.wasm.wasmPaths = here + "onnxruntime-web/dist/";
    ort.env.wasm.numThreads = threads;
    return {
      async load(bytes) {
        const session = await ort.InferenceSession.create(bytes, {executionProviders: ["wasm"]});
        return async (inputs) => {
          const feeds = {};
          for (const {name, dtype, shape, values} of inputs) {
            feeds[name] = new ort.Tensor(dtype, values, shape);
          }
          const results = await session.run(feeds);
          return session.outputNames.map((name) => {
            const {type, dims, data} = results[name];
            return {name, dtype: type, shape: dims, values: data};
          });
        };
      },
    };
  },

  async tflite({threads, simd}) {
    const litert = await import("./litert/dist/index.js");
    const compat = "litert/wasm/litert_wasm_compat_internal.js";
    await litert.loadLiteRt(here + (simd ? "litert/wasm/" : compat), {threads: threads > 1});
    return {
      async load(bytes) {
        const options = {accelerator: "wasm", cpuOptions: {numThreads: threads}};
        const model = await litert.loadAndCompile(bytes, options);
        const details = model.getOutputDetails();
        return async (inputs) => {
          const given = inputs.map(({values, shape}) => new litert.Tensor(values, shape));
          const results = await model.run(given);
          const outputs = results.map((tensor, index) => {
            const values = tensor.toTypedArray().slice();
            const {dtype, dimensions} = tensor.type.layout
              ? {dtype: tensor.type.dtype, dimensions: tensor.type.layout.dimensions}
              : details[index];
            return {name: details[index].name, dtype, shape: [...dimensions], values};
          });
          for (const tensor of [...given, ...results]) tensor.delete();
          return outputs;
        };
      },
    };
  },
};

async function bytesOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

let engine = null;  // one of them, once in the life of a page

async function opened(job, file) {
  engine ??= await engines[job.engine](job);
  return engine.load(await bytesOf(file.model));
}

async function samplesOf(file) {
  const samples = [];
  for (const sample of file.samples) {
    const inputs = [];
    for (const {name, dtype, shape, url} of sample) {
      const bytes = await bytesOf(url);
      inputs.push({name, dtype, shape, values: new ARRAYS[dtype](bytes.buffer)});
    }
    samples.push(inputs);
  }
  return samples;
}

// Durations in ns of `count` calls on the samples in turn.
async function burst(subject, count) {
  const durations = [];
  for (let made = 0; made < count; made++) {
    const inputs = subject.samples[subject.next++ % subject.samples.length];
    const before = performance.now();
    await subject.run(inputs);
    durations.push(Math.round((performance.now() - before) * 1e6));
  }
  return durations;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function warmUp(subject, calls) {
  if (calls !== null) return {made: calls, length: median(await burst(subject, Math.max(1, calls)))};
  let best = Infinity;
  let made = 0;
  for (let window = 0; window < WINDOWS; window++) {
    const end = performance.now() + WINDOW_MS;
    const durations = [];
    do durations.push(...await burst(subject, 1)); while (performance.now() < end);
    made += durations.length;
    const length = median(durations);
    if (length >= STILL_WARMING * best) return {made, length};
    best = length;
  }
  return {made, length: best};
}

// A generator of numbers that is the same in every run.
function shuffled(count, seed) {
  const order = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last--) {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    const other = seed % (last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

async function time(job) {
  const subjects = [];
  for (const file of job.files) {
    const subject = {run: await opened(job, file), samples: await samplesOf(file), next: 0};
    const {made, length} = await warmUp(subject, job.warmup);
    subjects.push({...subject, warmup: made, rounds: [],
      burst: job.runs === null ? Math.max(1, Math.floor(BURST_MS * 1e6 / Math.max(1, length))) : 0});
  }
  const end = performance.now() + job.duration_ms * subjects.length;
  const planned = job.runs === null ? Infinity : Math.min(job.runs, 50);
  for (let round = 0; round < planned; round++) {
    if (job.runs === null && round >= LEAST_ROUNDS && performance.now() >= end) break;
    for (const which of shuffled(subjects.length, round + 1)) {
      const subject = subjects[which];
      const share = (k) => Math.floor(job.runs * k / planned);
      const count = job.runs === null ? subject.burst : share(round + 1) - share(round);
      subject.rounds.push(await burst(subject, count));
    }
  }
  return {files: subjects.map(({rounds, warmup}) => ({rounds, warmup}))};
}

async function outputs(job) {
  const run = await opened(job, job.files[0]);
  const found = [];
  for (const inputs of await samplesOf(job.files[0])) {
    const results = await run(inputs);
    found.push(results.map(({name, dtype, shape, values}) => {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      return {name, dtype, shape, base64: btoa(text)};
    }));
  }
  return {samples: found};
}

// The page's own load, and from the job's arrival to the first result; not the wait between them.
async function cold(job) {
  const started = performance.now();
  const run = await opened(job, job.files[0]);
  const [inputs] = await samplesOf(job.files[0]);
  await run(inputs);
  return {first_result_ms: pageLoaded + performance.now() - started};
}

// The smallest step of the clock that is seen.
function resolutionMs() {
  let least = Infinity;
  for (let tries = 0; tries < 50; tries++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    least = Math.min(least, now - start);
  }
  return least;
}

function hello() {
  return {
    user_agent: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? null,
    isolated: crossOriginIsolated,
    clock_resolution_us: resolutionMs() * 1e3,
  };
}

const jobs = {hello, cold, time, outputs};

async function post(answer) {
  await fetch("answer", {method: "POST", body: JSON.stringify(answer)});
}

for (;;) {
  const job = await (await fetch("job", {cache: "no-store"})).json();
  if (job.do === "wait") continue;
  if (job.do === "end") break;
  try {
    await post({id: job.id, result: await jobs[job.do](job)});
  } catch (error) {
    await post({id: job.id, error: String(error?.message ?? error)});
  }
  if (job.do !== "hello") {  // the next job finds a page without anything in it
    location.reload();
    break;
  }
}
