'use strict';
// POST and GET /connect: an event stream per viewer, one Redis subscription per watched video, one write per viewer and
// comment.
const express = require('express');
const { createClient } = require('redis');

const HEARTBEAT_MS = 25_000;
const instance = process.env.INSTANCE_ID || `node-${process.pid}`;
const viewers = new Map(); // videoid -> { responses: Set, subscribed: Promise }

function fanOut(videoid, message) {
  const channel = viewers.get(videoid);
  if (!channel) return;
  const space = message.indexOf(' ');
  const frame = `id: ${message.slice(0, space)}\ndata: ${message.slice(space + 1)}\n\n`;
  for (const response of channel.responses) response.write(frame);
}

async function join(subscriber, videoid, response) {
  let channel = viewers.get(videoid);
  if (!channel) {
    channel = { responses: new Set(), subscribed: null };
    viewers.set(videoid, channel);
    channel.subscribed = subscriber.subscribe(`video:${videoid}`, (message) => fanOut(videoid, message));
  }
  channel.responses.add(response);
  await channel.subscribed;
}

function leave(subscriber, videoid, response) {
  const channel = viewers.get(videoid);
  if (!channel || !channel.responses.delete(response) || channel.responses.size > 0) return;
  viewers.delete(videoid);
  subscriber.unsubscribe(`video:${videoid}`).catch((error) => console.error('redis:', error.message));
}

async function connect(subscriber, parameters, response) {
  const { userid, videoid } = parameters;
  if (typeof userid !== 'string' || typeof videoid !== 'string') {
    return response.status(400).json({ error: 'userid and videoid are needed', code: 'invalid_connect' });
  }
  response.on('close', () => leave(subscriber, videoid, response));
  await join(subscriber, videoid, response);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', connection: 'keep-alive' });
  const connected = JSON.stringify({ type: 'connected', userid, videoid, instance });
  response.write(`id: 0.0\ndata: ${connected}\n\n`);
}

function beat() {
  for (const { responses } of viewers.values()) {
    for (const response of responses) response.write(':\n\n');
  }
}

async function main() {
  const subscriber = createClient({ url: process.env.REDIS_URL || 'redis://127.0.0.1:6379' });
  subscriber.on('error', (error) => console.error('redis:', error.message));
  await subscriber.connect();

  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '64kb' }));
  const failed = (response) => (error) => {
    console.error(error.message);
    if (response.headersSent) response.destroy();
    else response.status(503).json({ error: 'Redis is away', code: 'broker_unavailable' });
  };
  app.post('/connect', (request, response) => connect(subscriber, request.body, response).catch(failed(response)));
  app.get('/connect', (request, response) => connect(subscriber, request.query, response).catch(failed(response)));
  app.get('/health', (_request, response) => response.json({ status: 'ok', instance }));
  app.get('/health/ready', (_request, response) => response.status(subscriber.isReady ? 200 : 503).json({}));

  setInterval(beat, HEARTBEAT_MS);
  const server = app.listen(Number(process.env.PORT || 4000), process.env.HOST || '0.0.0.0', 4096);
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
}

main().catch((error) => { console.error(error); process.exit(1); });
