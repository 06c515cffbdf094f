'use strict';
// The plain design on WebSockets: node-redis and ws, one send per viewer and comment. It speaks as much of Engine.IO 4 and
// Socket.IO 5 as its viewers need: one namespace, one event with an acknowledgement.
const crypto = require('node:crypto');
const http = require('node:http');
const { createClient } = require('redis');
const { WebSocketServer } = require('ws');

const PING_MS = 25_000;
const PONG_MS = 20_000;
const viewers = new Map(); // videoid -> { sockets: Set, subscribed: Promise }

function fanOut(videoid, message) {
  const channel = viewers.get(videoid);
  if (!channel) return;
  const space = message.indexOf(' ');
  const place = `{"channel":"video:${videoid}","position":"${message.slice(0, space)}"}`;
  // Bytes, once: ws would encode a string anew for every viewer.
  const packet = Buffer.from(`42["comment",${message.slice(space + 1)},${place}]`);
  for (const socket of channel.sockets) socket.send(packet, { binary: false });
}

async function join(subscriber, videoid, socket) {
  let channel = viewers.get(videoid);
  if (!channel) {
    channel = { sockets: new Set(), subscribed: null };
    viewers.set(videoid, channel);
    channel.subscribed = subscriber.subscribe(`video:${videoid}`, (message) => fanOut(videoid, message));
  }
  channel.sockets.add(socket);
  socket.on('close', () => channel.sockets.delete(socket));
  await channel.subscribed;
}

async function received(subscriber, socket, text) {
  if (text === '3') {
    socket.isAlive = true;
  } else if (text.startsWith('40')) {
    socket.send(`40{"sid":"${crypto.randomUUID()}"}`);
  } else {
    const [, ack, json] = /^42(\d*)(\[.*)$/s.exec(text) ?? [];
    const [name, { video }] = JSON.parse(json);
    if (name !== 'subscribe') throw new Error(`there is no event ${name}`);
    await join(subscriber, video, socket);
    socket.send(`43${ack}[{"position":"0.0","recovered":true,"gap":false}]`);
  }
}

function beat(sockets) {
  for (const socket of sockets) {
    if (!socket.isAlive) socket.terminate();
    socket.isAlive = false;
    socket.send('2');
  }
}

async function main() {
  const subscriber = createClient({ url: process.env.REDIS_URL });
  subscriber.on('error', (error) => console.error('redis:', error.message));
  await subscriber.connect();

  const server = http.createServer((_request, response) => response.writeHead(subscriber.isReady ? 200 : 503).end());
  const sockets = new WebSocketServer({ server, path: '/socket.io/', perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.isAlive = true;
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      received(subscriber, socket, data.toString()).catch((error) => {
        console.error(error.message);
        socket.close(1002);
      });
    });
    const settings = `"upgrades":[],"pingInterval":${PING_MS},"pingTimeout":${PONG_MS},"maxPayload":65536`;
    socket.send(`0{"sid":"${crypto.randomUUID()}",${settings}}`);
  });
  setInterval(() => beat(sockets.clients), PING_MS);
  server.listen(Number(process.env.PORT), process.env.HOST, 4096);
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
}

main().catch((error) => { console.error(error); process.exit(1); });
