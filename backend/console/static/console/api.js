// The product's own REST API, with the session that the page has.

import { one, say } from "./dom.js";

let renewing = null;
let bearer = null;

/** Call as an app does that keeps its tokens itself: `{access, refresh}`, or null for a page with cookies. */
export const bear = (tokens) => (bearer = tokens);

/** What a socket offers as protocols: the token, where there are no cookies. */
export const protocols = () => (bearer ? ["bearer", bearer.access] : []);

function csrf() {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice(10)) : (one('meta[name="csrf-token"]')?.content ?? "");
}

/** Ask; an expired token is renewed once, quietly. Resolves to `{ok, status, data}`; without network, status 0. */
export async function call(method, path, body, { again = true, head = {} } = {}) {
  const form = body instanceof FormData;
  const headers = { Accept: "application/json", ...head };
  if (bearer) headers.Authorization = `Bearer ${bearer.access}`;
  else if (method !== "GET") headers["X-CSRFToken"] = csrf();
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  let answer;
  try {
    const content = body === undefined || form ? body : JSON.stringify(body);
    const credentials = bearer ? "omit" : "same-origin";
    answer = await fetch(path, { method, headers, body: content, credentials, redirect: "error" });
  } catch {
    return { ok: false, status: 0, data: null };
  }
  if (answer.status === 401 && again && (await renew())) return call(method, path, body, { again: false, head });
  const is_json = (answer.headers.get("Content-Type") ?? "").includes("json");
  const data = is_json ? await answer.json().catch(() => null) : null;
  return { ok: answer.ok, status: answer.status, data };
}

/** Return a file as a blob, as an app gets it that keeps its tokens itself; null where that fails. */
export async function fetchFile(path) {
  try {
    const answer = await fetch(path, { headers: { Authorization: `Bearer ${bearer.access}` }, credentials: "omit", redirect: "error" });
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null;
  }
}

/** Exchange the refresh cookie for new ones; several who ask at once get one answer. */
export function renew() {
  const [path, body] = bearer ? ["/api/auth/refresh/", { refresh: bearer.refresh }] : ["/api/token/", undefined];
  renewing ??= call("POST", path, body, { again: false }).then(({ ok, data }) => {
    renewing = null;
    if (ok && bearer) bearer = { access: data.access, refresh: data.refresh ?? bearer.refresh };
    return ok;
  });
  return renewing;
}

/** Return words for people out of an answer that is no success. */
export function why({ status, data }) {
  if (!status) return say("no_connection");
  if (data?.detail) return Array.isArray(data.detail) ? data.detail.join(" ") : data.detail;
  if (data && typeof data === "object") return Object.values(data).flat().join(" ");
  return String(status);
}

export function toSignIn() {
  location.assign(`/console/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`);
}
