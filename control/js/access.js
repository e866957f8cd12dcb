// Signatures of Cloudflare Access, checked by the runtime's own cryptography.

/**
 * Whether `signature` is that of `signed` (RSASSA-PKCS1-v1_5 with SHA-256) by the key with this modulus and exponent.
 * A key that is none rejects.
 *
 * @param {string} n base64url
 * @param {string} e base64url
 * @param {Uint8Array} signed
 * @param {Uint8Array} signature
 * @returns {Promise<boolean>}
 */
export async function verify(n, e, signed, signature) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  // Copied before the first wait: the memory behind them may move.
  const [message, proof] = [signed.slice(), signature.slice()];
  const key = await crypto.subtle.importKey("jwk", { kty: "RSA", n, e }, algorithm, false, ["verify"]);
  return await crypto.subtle.verify(algorithm.name, key, proof, message);
}
