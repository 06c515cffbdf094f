'use strict';
// POST /comment: keep in memory, PUBLISH. One process, so that its counters give every comment its place.
const crypto = require('node:crypto');
const express = require('express');
const { createClient } = require('redis');

const HISTORY_LENGTH = 1000;
const TEXT_LENGTH_MAX = 2000;
const IDENTIFIER = /^[A-Za-z0-9._:-]{1,128}$/;

const epoch = crypto.randomBytes(3).toString('hex');
const channels = new Map(); // videoid -> { offset, comments }

function store(comment) {
  let channel = channels.get(comment.videoid);
  if (!channel) channels.set(comment.videoid, (channel = { offset: 0, comments: [] }));
  channel.comments.push(comment);
  if (channel.comments.length > 2 * HISTORY_LENGTH) channel.comments.splice(0, HISTORY_LENGTH);
  return ++channel.offset;
}

function problem({ userid, videoid, comment }) {
  if (typeof userid !== 'string' || !IDENTIFIER.test(userid)) return 'userid is missing or invalid';
  if (typeof videoid !== 'string' || !IDENTIFIER.test(videoid)) return 'videoid is missing or invalid';
  if (typeof comment !== 'string' || !comment || comment.length > TEXT_LENGTH_MAX) return 'comment is missing or too long';
  return null;
}

async function main() {
  const redis = createClient({ url: process.env.REDIS_URL || 'redis://127.0.0.1:6379' });
  redis.on('error', (error) => console.error('redis:', error.message));
  await redis.connect();

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json({ limit: '64kb' }));

  app.post('/comment', async (request, response) => {
    const error = problem(request.body);
    if (error) return response.status(400).json({ error, code: 'invalid_comment' });
    const { userid, videoid, comment } = request.body;
    // 26 characters, so that frames are as long as those of the other peers.
    const id = crypto.randomBytes(13).toString('hex');
    const stored = { userid, videoid, comment, timestamp: new Date().toISOString(), id };
    const offset = store(stored);
    try {
      // The place in front of the comment: the Reader needs not parse JSON to find it.
      await redis.publish(`video:${videoid}`, `${offset}.${epoch} ${JSON.stringify(stored)}`);
    } catch {
      return response.status(503).set('retry-after', '1').json({ error: 'Redis is away', code: 'broker_unavailable' });
    }
    response.status(201).json({ success: true, comment: { ...stored, offset, epoch } });
  });
  app.get('/health', (_request, response) => response.json({ status: 'ok' }));
  app.get('/health/ready', (_request, response) => response.status(redis.isReady ? 200 : 503).json({}));

  const server = app.listen(Number(process.env.PORT || 3000), process.env.HOST || '0.0.0.0');
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { server.close(); process.exit(0); });
}

main().catch((error) => { console.error(error); process.exit(1); });
