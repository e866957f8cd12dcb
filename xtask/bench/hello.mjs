// The least that a Worker can do: the ceiling of what workerd serves on this machine.

export default {
  fetch() {
    return new Response("hello");
  },
};
