'use strict';
// POST and DELETE /v1/likes: one set a photo, SADD or SREM, SCARD, and a PUBLISH of the count, for each request. Counts are
// exact and each user counts once, as in LikeAPI; there is no database behind it, and every like is an event.
const express = require('express');
const { createClient } = require('redis');

const IDENTIFIER = /^[A-Za-z0-9._:-]{1,128}$/;
const COUNTS_MAX = 200;

function problem({ user_id: user, post_id: post } = {}) {
  if (typeof user !== 'string' || !IDENTIFIER.test(user)) return 'user_id is missing or invalid';
  if (typeof post !== 'string' || !IDENTIFIER.test(post)) return 'post_id is missing or invalid';
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

  const unavailable = (response) =>
    response.status(503).set('retry-after', '1').json({ error: 'Redis is away', code: 'likes_unavailable' });

  const apply = (liked) => async (request, response) => {
    const error = problem(request.body);
    if (error) return response.status(400).json({ error, code: 'invalid_like' });
    const { user_id: user, post_id: post } = request.body;
    const key = `likes:${post}`;
    try {
      const changed = liked ? await redis.sAdd(key, user) : await redis.sRem(key, user);
      const count = await redis.sCard(key);
      if (changed) {
        const data = JSON.stringify({ photoid: post, count });
        await redis.publish(`photo:${post}`, `event: likes\ndata: ${data}\n\n`);
      }
      response.json({ post_id: post, liked, count });
    } catch {
      unavailable(response);
    }
  };

  app.post('/v1/likes', apply(true));
  app.delete('/v1/likes', apply(false));
  app.post('/v1/likes/counts', async (request, response) => {
    const ids = request.body && request.body.post_ids;
    if (!Array.isArray(ids) || !ids.length || ids.length > COUNTS_MAX || !ids.every((id) => IDENTIFIER.test(id))) {
      return response.status(400).json({ error: 'post_ids is missing, empty or too long', code: 'invalid_like' });
    }
    try {
      const counts = await Promise.all(ids.map((id) => redis.sCard(`likes:${id}`)));
      response.json({ counts: ids.map((id, index) => ({ post_id: id, count: counts[index] })) });
    } catch {
      unavailable(response);
    }
  });
  app.get('/health', (_request, response) => response.json({ status: 'ok' }));
  app.get('/health/ready', (_request, response) => response.status(redis.isReady ? 200 : 503).json({}));

  const server = app.listen(Number(process.env.PORT || 3001), process.env.HOST || '0.0.0.0');
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { server.close(); process.exit(0); });
}

main().catch((error) => { console.error(error); process.exit(1); });
