#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-3.0-only
// A client of Flux in JavaScript with nothing but protobufjs, written from docs/protocol.md: it reads the
// proto files, frames Envelopes, and knows nothing else of this project.
//
//   client.js PROTO_DIR SOCKET COMMAND [ARGS...]
//
// Commands: ping; put KEY TEXT; get KEY; watch KEY COUNT; submit JOBSPEC; events ID; call METHOD.
// Each answer is a line of JSON on standard output; an error is a line {"error": NUMBER, "text": ...}.
'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const protobuf = require('protobufjs');

class FluxError extends Error {
  constructor(number, text) {
    super(text);
    this.number = number;
  }
}

function loadContract(dir) {
  const bundled = path.dirname(require.resolve('protobufjs/package.json'));
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) =>
    path.join(target.startsWith('google/') ? bundled : dir, target);
  const files = fs.readdirSync(path.join(dir, 'flux/v1')).filter((f) => f.endsWith('.proto'));
  root.loadSync(files.map((f) => path.join('flux/v1', f)), { keepCase: true });
  return root.lookup('flux.v1');
}

class Client {
  constructor(contract, socketPath) {
    this.contract = contract;
    this.Envelope = contract.lookupType('Envelope');
    this.kind = contract.lookupEnum('Kind').values;
    this.control = contract.lookupEnum('Control').values;
    this.calls = new Map(); // by tag
    this.nextTag = 1;
    this.input = Buffer.alloc(0);
    this.socket = net.createConnection(socketPath);
    this.socket.on('data', (data) => this.receive(data));
    this.socket.on('error', (e) => this.lost(e));
    this.socket.on('close', () => this.lost(new FluxError(104, 'connection closed')));
    this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    const Hello = contract.lookupType('Hello');
    const body = Hello.encode({ protocol_min: 1, protocol_max: 1, version: 'third party' }).finish();
    this.send({ kind: this.kind.KIND_CONTROL, control: this.control.CONTROL_HELLO, body });
  }

  send(fields) {
    const data = this.Envelope.encode(this.Envelope.create(fields)).finish();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    this.socket.write(Buffer.concat([head, data]));
  }

  receive(data) {
    this.input = Buffer.concat([this.input, data]);
    while (this.input.length >= 4) {
      const end = 4 + this.input.readUInt32BE(0);
      if (this.input.length < end) return;
      this.message(this.Envelope.decode(this.input.subarray(4, end)));
      this.input = this.input.subarray(end);
    }
  }

  message(m) {
    if (m.kind === this.kind.KIND_CONTROL && m.control === this.control.CONTROL_HELLO) {
      if (m.status) return this.reject(new FluxError(m.status, m.text));
      this.hello = this.contract.lookupType('Hello').decode(m.body);
      this.resolve(this);
    } else if (m.kind === this.kind.KIND_RESPONSE && this.calls.has(m.tag)) {
      const call = this.calls.get(m.tag);
      if (!m.more) this.calls.delete(m.tag);
      call.push(m);
    }
  }

  lost(error) {
    this.reject(error);
    for (const call of this.calls.values()) call.fail(error);
  }

  // The answers of an rpc, one or many, as an asynchronous iterator with a `tag`.
  call(method, fields) {
    const stem = method.replace('/', '');
    const [service, rpc] = method.split('/');
    const stream = this.contract.lookupService(service).methods[rpc].responseStream;
    const Request = this.contract.lookupType(stem + 'Request');
    const tag = this.nextTag++;
    const call = new Call(this.contract.lookupType(stem + 'Response'), tag, stream);
    this.calls.set(tag, call);
    this.send({
      kind: this.kind.KIND_REQUEST,
      method: 'flux.v1.' + method,
      tag,
      body: Request.encode(Request.fromObject(fields)).finish(),
    });
    return call;
  }

  async one(method, fields) {
    for await (const answer of this.call(method, fields)) return answer;
    throw new FluxError(61, 'no answer');
  }

  cancel(tag) {
    this.send({ kind: this.kind.KIND_CONTROL, control: this.control.CONTROL_CANCEL, tag });
  }
}

class Call {
  constructor(Response, tag, stream) {
    Object.assign(this, { Response, tag, stream, queue: [], wake: null });
  }

  push(m) {
    this.queue.push(m);
    if (this.wake) this.wake();
  }

  fail(error) {
    this.push({ status: error.number || 104, text: error.message });
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (!this.queue.length) {
        await new Promise((resolve) => { this.wake = resolve; });
      }
      const m = this.queue.shift();
      if (m.status) throw new FluxError(m.status, m.text);
      if (!m.more && this.stream) return;
      yield this.Response.decode(m.body);
      if (!m.more) return;
    }
  }
}

function show(fields) {
  process.stdout.write(JSON.stringify(fields) + '\n');
}

const commands = {
  async ping(client) {
    const answer = await client.one('Broker/Ping', { seq: 7, pad: Buffer.from('abc') });
    show({
      seq: Number(answer.seq),
      pad: Buffer.from(answer.pad).toString(),
      rank: client.hello.rank,
      userid: answer.userid,
    });
  },

  async put(client, key, text) {
    const op = { kind: 'KVS_OP_PUT', key, value: Buffer.from(text) };
    const answer = await client.one('Kvs/Commit', { ops: [op] });
    show({ version: Number(answer.version) });
  },

  async get(client, key) {
    const answer = await client.one('Kvs/Get', { key });
    show({ value: Buffer.from(answer.value).toString() });
  },

  // `count` values, then the stream is cancelled; its end must come.
  async watch(client, key, count) {
    const items = client.call('Kvs/Watch', { key });
    let left = Number(count);
    try {
      for await (const item of items) {
        if (left > 0) show({ value: Buffer.from(item.value).toString() });
        left -= 1;
        if (left === 0) client.cancel(items.tag);
      }
    } catch (e) {
      show({ ended: e.number });
    }
  },

  async submit(client, jobspec) {
    const answer = await client.one('JobIngest/Submit', { jobs: [{ jobspec }] });
    const outcome = answer.outcomes[0];
    if (outcome.errnum) throw new FluxError(outcome.errnum, outcome.text);
    process.stdout.write(`{"id": ${outcome.id}}\n`); // 64 bits: more than a JSON number made here holds
  },

  async events(client, job) {
    for await (const item of client.call('JobInfo/Watch', { id: job })) {
      for (const line of item.events.split('\n').filter(Boolean)) {
        show({ event: JSON.parse(line).name });
      }
    }
  },

  // Any rpc with an empty request.
  async call(client, method) {
    for await (const _ of client.call(method, {})) show({ ok: true });
  },
};

async function main(protoDir, socketPath, command, ...args) {
  const client = new Client(loadContract(protoDir), socketPath);
  try {
    await client.ready;
    await commands[command](client, ...args);
  } catch (e) {
    if (!(e instanceof FluxError)) throw e;
    show({ error: e.number, text: e.message });
    process.exitCode = 1;
  }
  client.socket.destroy();
}

main(...process.argv.slice(2));
