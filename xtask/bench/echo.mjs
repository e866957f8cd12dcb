// Parses the request's JSON and answers with it: what any JSON API in JavaScript has to do before it does anything.

export default {
  async fetch(request) {
    return Response.json(await request.json());
  },
};
