// The unmodified supabase-js against a server: prints the name of every check that holds.
// Facts come as JSON on standard input: url, key, email, password, deviceToken, workspace, batch.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const facts = JSON.parse(readFileSync(0, "utf8"));

const client = (options = {}) =>
  createClient(facts.url, facts.key, {
    db: { schema: "api" },
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: WebSocket },
    ...options,
  });

async function check(name, body) {
  await body();
  console.log(name);
}

const user = client();
const device = client({ global: { headers: { "X-Device-Token": facts.deviceToken } } });

await check("password", async () => {
  const { data, error } = await user.auth.signInWithPassword(facts);
  assert.equal(error, null);
  assert.equal(data.user.email, facts.email);
});

await check("refresh", async () => {
  const before = (await user.auth.getSession()).data.session;
  const { data, error } = await user.auth.refreshSession();
  assert.equal(error, null);
  assert.notEqual(data.session.refresh_token, before.refresh_token);
});

await check("claims by JWKS", async () => {
  const { data, error } = await user.auth.getClaims();
  assert.equal(error, null);
  assert.equal(data.header.alg, "ES256");
  assert.equal(data.claims.email, facts.email);
});

await check("errors of auth", async () => {
  const wrong = await client().auth.signInWithPassword({ ...facts, password: "wrong" });
  assert.equal(wrong.error.code, "invalid_credentials");
  const signup = await client().auth.signUp({ email: "x@example.test", password: "long enough" });
  assert.equal(signup.error.code, "signup_disabled");
});

await check("one-time token", async () => {
  const { data, error } = await client().auth.verifyOtp({
    token_hash: facts.oneTimeToken,
    type: "magiclink",
  });
  assert.equal(error, null);
  assert.equal(data.user.email, facts.email);
});

await check("ingest by device", async () => {
  const { data, error } = await device.rpc("ingest", { batch: facts.batch });
  assert.equal(error, null);
  assert.equal(data.refused.length, 0);
});

await check("reads", async () => {
  const page = await user
    .from("sessions")
    .select("id, native_id", { count: "exact" })
    .ilike("native_id", "%")
    .order("native_id", { ascending: false, nullsFirst: false })
    .range(0, 0);
  assert.equal(page.error, null);
  assert.equal(page.data.length, 1);
  assert.ok(page.count >= 1);
  const none = await user.from("sessions").select("id").eq("native_id", "none").maybeSingle();
  assert.deepEqual([none.data, none.error], [null, null]);
  const head = await user.from("sessions").select("*", { count: "exact", head: true });
  assert.equal(head.count, page.count);
  const single = await user.from("sessions").select("id").eq("native_id", "none").single();
  assert.equal(single.error.code, "PGRST116");
});

await check("calls", async () => {
  const replay = await user.rpc("get_replay", { session: facts.workspace }, { get: true });
  assert.deepEqual([replay.data, replay.error], [[], null]);
  const missing = await user.rpc("no_such_function");
  assert.equal(missing.error.code, "PGRST202");
});

await check("errors of reads", async () => {
  assert.equal((await client().from("sessions").select("id")).error.code, "42501");
  assert.equal((await user.from("sessions").insert({ id: 1 })).error.code, "PGRST127");
});

const listen = (topic, options) =>
  new Promise((resolve, reject) => {
    const heard = [];
    const channel = user.channel(topic, { config: { private: true, ...options } });
    channel.on("broadcast", { event: "ingest" }, (message) => heard.push(message));
    channel.subscribe((status, error) => {
      if (status === "SUBSCRIBED") resolve({ channel, heard });
      if (status === "CHANNEL_ERROR") reject(error ?? new Error(status));
    });
  });

await check("realtime: joined and heard", async () => {
  await user.realtime.setAuth();
  const { channel, heard } = await listen(`workspace:${facts.workspace}`);
  const { error } = await device.rpc("ingest", { batch: facts.secondBatch });
  assert.equal(error, null);
  for (let waited = 0; heard.length === 0 && waited < 5000; waited += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(heard[0].event, "ingest");
  assert.equal(heard[0].payload.sessions.length, 1);
  assert.ok(heard[0].meta.id);
  await user.removeChannel(channel);
});

await check("realtime: sending is refused", async () => {
  const { channel } = await listen(`workspace:${facts.workspace}`, { broadcast: { ack: true } });
  assert.equal(await channel.send({ type: "broadcast", event: "ingest", payload: {} }), "error");
  await user.removeChannel(channel);
});

await check("realtime: others are refused", async () => {
  await assert.rejects(listen(`workspace:${facts.otherWorkspace}`), /Unauthorized/);
});

await check("logout", async () => {
  assert.equal((await user.auth.signOut()).error, null);
});

await user.realtime.disconnect();
// Its reconnect timers would keep the process alive for seconds.
process.exit(0);
