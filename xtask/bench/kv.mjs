// Answers workerd's KV protocol from a folder: `GET /<key, URL encoded>`.
//
// workerd's disk service alone cannot: a key with a slash would have to be one file name. export-kv.mjs writes the files.

export default {
  fetch(request, env) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    return env.FILES.fetch(`http://files/${key.replaceAll("/", "_")}`);
  },
};
