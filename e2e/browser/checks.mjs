// What a browser sees through the gateway. Each check gets the world and `t`: t.figure(…) for the report, t.skip(…) to be left out.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB, ms, seededBytes } from '../lib/data.mjs';
import { within } from '../lib/wait.mjs';

const PATIENCE_MS = 30_000;

/** A page that ends with its check; errors of its scripts are the check's. */
async function open(world, t, url) {
  const page = await world.browser.newPage();
  t.cleanup(() => page.close());
  page.on('pageerror', (error) => t.problem(`${url}: ${error.message}`));
  await page.goto(url);
  return page;
}

const state = (page, text) => page.locator('#state', { hasText: text }).waitFor();
const said = (page, kind, text) => page.locator(`li.${kind}`, { hasText: text }).waitFor();

async function send(page, text) {
  await page.locator('#text').fill(text);
  await page.locator('#form button').click();
}

/** Two people talk; the agent is killed and another started; nothing that was said meanwhile is missed. */
async function chat(world, t) {
  const ada = await open(world, t, world.url('chat', '/chat?name=Ada'));
  const sockets = [];
  ada.on('websocket', (socket) => sockets.push(socket.url()));
  const grace = await open(world, t, world.url('chat', '/chat?name=Grace'));
  for (const page of [ada, grace]) {
    await state(page, 'connected');
    await page.locator('#transport', { hasText: 'by websocket' }).waitFor();
  }
  await send(ada, 'Hello from one page');
  await said(grace, 'theirs', 'Hello from one page');
  await send(grace, 'And back');
  await said(ada, 'theirs', 'And back');

  const killedAt = performance.now();
  world.agents.pages.kill('SIGKILL');
  await world.agents.pages.exited;
  for (const page of [ada, grace]) await state(page, 'reconnecting');
  t.figure(`both pages know after ${ms(performance.now() - killedAt)}`);
  world.pages.say('Server', 'Said while the agent was down');
  world.agents.pages = await world.startAgent('pages');
  for (const page of [ada, grace]) {
    await state(page, 'connected');
    await said(page, 'event', 'nothing missed');
    await said(page, 'theirs', 'Said while the agent was down');
  }
  await send(ada, 'Still here');
  await said(grace, 'theirs', 'Still here');
  assert.ok(sockets.every((url) => new URL(url).port === String(world.gateway.port)), `a WebSocket went elsewhere: ${sockets}`);
}

/** An edit shows without a reload, and what the page had in its memory stays. */
async function hotReload(world, t) {
  const page = await world.browser.newPage();
  t.cleanup(() => page.close());
  page.on('pageerror', (error) => t.problem(error.message));
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.goto(world.url('app'));
  await page.locator('h1', { hasText: 'Version one' }).waitFor();
  await page.evaluate(() => (globalThis.wasNotReloaded = true));
  for (let i = 0; i < 3; i++) await page.locator('#button').click();
  assert.equal(sockets.length, 1, `one WebSocket for hot reload: ${sockets}`);
  assert.equal(new URL(sockets[0]).port, String(world.gateway.port), 'and that goes through the gateway');

  const editedAt = performance.now();
  writeFileSync(join(world.app, 'src/headline.js'), "export const headline = 'Version two';\n");
  await page.locator('h1', { hasText: 'Version two' }).waitFor();
  t.figure(`script seen after ${ms(performance.now() - editedAt)}`);
  const css = join(world.app, 'src/style.css');
  writeFileSync(css, readFileSync(css, 'utf8').replace('#2457d6', '#0b7a4b'));
  await page.waitForFunction(() => getComputedStyle(document.querySelector('h1')).color === 'rgb(11, 122, 75)');
  t.figure(`style after ${ms(performance.now() - editedAt)}`);
  assert.equal(await page.evaluate(() => globalThis.wasNotReloaded), true, 'the page was reloaded');
  assert.deepEqual(await page.locator('dd').allTextContents().then((texts) => texts.slice(0, 2)), ['3', '1'], 'clicks and edits');
}

async function serverSentEvents(world, t) {
  const page = await open(world, t, world.url('chat', '/plain'));
  await page.evaluate(() => {
    globalThis.seen = [];
    globalThis.source = new EventSource('/events');
    source.onmessage = ({ data, lastEventId }) => seen.push(`${lastEventId}:${data}`);
  });
  await within(PATIENCE_MS, 'the browser to ask', world.pages.fact('events from the start'));
  for (let i = 1; i <= 3; i++) {
    world.pages.events.write(`retry: 100\nid: ${i}\ndata: event ${i}\n\n`);
    await page.waitForFunction((count) => seen.length === count, i);
  }
  world.agents.pages.kill('SIGKILL');
  await world.agents.pages.exited;
  world.agents.pages = await world.startAgent('pages');
  await within(PATIENCE_MS, 'the browser to come again', world.pages.fact('events from 3'));
  world.pages.events.write('id: 4\ndata: event 4\n\n');
  await page.waitForFunction(() => seen.length === 4);
  assert.deepEqual(await page.evaluate(() => seen), ['1:event 1', '2:event 2', '3:event 3', '4:event 4']);
  await page.evaluate(() => source.close());
  await within(PATIENCE_MS, 'the upstream to see the end', world.pages.fact('cut off /events'));
}

/** The server writes the next piece when the page has told it of the one before. */
async function streamDown(world, t) {
  const page = await open(world, t, world.url('chat', '/plain'));
  const pieces = await page.evaluate(async () => {
    const seen = [];
    const reader = (await fetch('/pieces')).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      seen.push(value);
      await fetch(`/arrived?what=${value}`);
    }
    return seen;
  });
  assert.deepEqual(pieces, ['one', 'two', 'three']);
}

async function fileUpload(world, t) {
  const page = await open(world, t, world.url('chat', '/plain'));
  const bytes = seededBytes('browser upload', 20 * MIB);
  const file = join(world.directory, 'upload.bin');
  writeFileSync(file, bytes);
  await page.locator('#file').setInputFiles(file);
  const { received, progress } = await page.evaluate(() => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let progress = 0;
    request.upload.onprogress = () => progress++;
    request.onload = () => resolve({ received: JSON.parse(request.responseText), progress });
    request.onerror = () => reject(new Error('the upload failed'));
    request.open('POST', '/upload');
    request.send(document.getElementById('file').files[0]);
  }));
  assert.deepEqual(received, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  t.figure(`20 MiB exact, ${progress} progress events`);
}

async function abort(world, t) {
  const page = await open(world, t, world.url('chat', '/plain'));
  const name = await page.evaluate(async () => {
    const controller = new AbortController();
    const response = await fetch('/idle', { signal: controller.signal });
    controller.abort();
    return response.text().then(() => 'no error', (error) => error.name);
  });
  assert.equal(name, 'AbortError');
  await within(PATIENCE_MS, 'the upstream to see it', world.pages.fact('cut off /idle'));
}

async function cookiesAndCache(world, t) {
  const page = await open(world, t, world.url('chat', '/login'));
  assert.equal(new URL(page.url()).pathname, '/whoami');
  assert.equal(await page.locator('body').textContent(), 'session=abc; theme=dark');
  for (let i = 0; i < 2; i++) assert.equal(await page.evaluate(async () => (await fetch('/cached')).text()), 'cached');
  await within(PATIENCE_MS, 'the browser to ask whether it has changed', world.pages.fact('revalidated'));
}

/** HTTP/2 and TLS at the front: pages, uploads that stream, WebSockets. */
async function http2(world, t) {
  const gateway = await world.secureGateway();
  const url = (host, path) => `https://${host}.localhost:${gateway.port}${path}`;
  const page = await open(world, t, url('chat', '/plain'));
  const protocol = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  if (protocol !== 'h2') t.skip(`the gateway speaks ${protocol} with a browser, yet`);
  const { received, isDuplex } = await page.evaluate(async () => {
    const pieces = new ReadableStream({
      async start(controller) {
        for (const piece of ['one ', 'two ', 'three']) controller.enqueue(new TextEncoder().encode(piece));
        controller.close();
      },
    });
    const response = await fetch('/upload', { method: 'POST', body: pieces, duplex: 'half' });
    return { received: await response.json(), isDuplex: true };
  });
  assert.ok(isDuplex);
  assert.equal(received.bytes, 13);
  const ada = await open(world, t, url('chat', '/chat?name=Ada'));
  await state(ada, 'connected');
  await ada.locator('#transport', { hasText: 'by websocket' }).waitFor();
  await send(ada, 'By HTTP/2');
  await said(ada, 'mine', 'By HTTP/2');
  const many = await page.evaluate(async () => {
    const texts = await Promise.all(Array.from({ length: 100 }, (_, i) => fetch(`/whoami?${i}`).then((response) => response.text())));
    return texts.length;
  });
  assert.equal(many, 100);
  t.figure(`page, streaming upload, WebSocket and ${many} requests at once by h2`);
}

/** Both services in one picture, after an agent was killed and a file was edited. */
async function screenshot(world, t) {
  const page = await world.browser.newPage();
  t.cleanup(() => page.close());
  page.on('pageerror', (error) => t.problem(error.message));
  await page.goto(`http://desk.localhost:${world.gateway.port}/desk`);
  const chatFrame = page.frame({ name: 'chat.localhost' });
  const app = page.frame({ name: 'app.localhost' });
  await state(chatFrame, 'connected');
  await chatFrame.locator('#transport', { hasText: 'by websocket' }).waitFor();
  await app.locator('h1', { hasText: 'Version two' }).waitFor();
  await app.evaluate(() => (globalThis.wasNotReloaded = true));
  world.pages.say('Grace', 'Is the line to your agent good?');
  await said(chatFrame, 'theirs', 'Is the line');
  await send(chatFrame, 'Let us see. I kill it.');
  await said(chatFrame, 'mine', 'Let us see');
  world.agents.pages.kill('SIGKILL');
  await world.agents.pages.exited;
  await state(chatFrame, 'reconnecting');
  world.pages.say('Grace', 'Said while it was down.');
  world.agents.pages = await world.startAgent('pages');
  await said(chatFrame, 'event', 'nothing missed');
  await said(chatFrame, 'theirs', 'Said while it was down');
  await send(chatFrame, 'And here I am again.');
  await said(chatFrame, 'mine', 'here I am');
  for (let i = 0; i < 2; i++) await app.locator('#button').click();
  writeFileSync(join(world.app, 'src/headline.js'), "export const headline = 'Version three, edited under way';\n");
  await app.locator('h1', { hasText: 'Version three' }).waitFor();
  assert.equal(await app.evaluate(() => globalThis.wasNotReloaded), true, 'the frame was reloaded');
  const version = world.browser.browser()?.version() ?? '';
  await page.evaluate((text) => (document.getElementById('note').textContent = text), `Chromium ${version}: the chat's agent was killed and came back, the app's source was edited. Neither page was reloaded.`);
  const file = join(world.directory, 'services.png');
  await page.screenshot({ path: file });
  t.figure(file);
}

export const checks = { chat, 'hot-reload': hotReload, 'server-sent-events': serverSentEvents, 'stream-down': streamDown, 'file-upload': fileUpload, abort, 'cookies-and-cache': cookiesAndCache, http2, screenshot };
