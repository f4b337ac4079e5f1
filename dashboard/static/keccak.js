// Keccak-256 as Ethereum uses it: the permutation of FIPS 202 (3.2), rate 136, padding 0x01.
"use strict";

const RATE = 136;
// Lanes are pairs of 32-bit halves, the low one first. What each round moves where (rho and
// pi) and adds (iota) follows from FIPS 202, 3.2.2 to 3.2.5.
const LANES = [];
const TURNS = [];
const ADDED = [];
for (let round = 0, register = 1n, x = 1, y = 0; round < 24; round++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  LANES.push(2 * (5 * y + x));
  TURNS.push((((round + 1) * (round + 2)) / 2) % 64);
  let added = 0n;
  for (let bit = 0; bit < 7; bit++) {
    register = ((register << 1n) ^ ((register >> 7n) * 0x71n)) % 256n;
    if (register & 2n) added ^= 1n << ((1n << BigInt(bit)) - 1n);
  }
  ADDED.push([Number(added & 0xffffffffn) | 0, Number(added >> 32n) | 0]);
}

// Turns a lane left by 1 to 63 bits (never 32, which no lane needs) and returns one half of it:
// given (low, high) the new low one, given (high, low) the new high one.
function turned(half, other, by) {
  return by < 32 ? (half << by) | (other >>> (32 - by)) : (other << (by - 32)) | (half >>> (64 - by));
}

function permute(state, row) {
  for (let round = 0; round < 24; round++) {
    for (let x = 0; x < 10; x++) row[x] = state[x] ^ state[x + 10] ^ state[x + 20] ^ state[x + 30] ^ state[x + 40];
    for (let x = 0; x < 10; x += 2) {
      const [low, high] = [row[(x + 2) % 10], row[(x + 2) % 10 + 1]];
      const addLow = turned(low, high, 1) ^ row[(x + 8) % 10];
      const addHigh = turned(high, low, 1) ^ row[(x + 8) % 10 + 1];
      for (let y = 0; y < 50; y += 10) {
        state[x + y] ^= addLow;
        state[x + y + 1] ^= addHigh;
      }
    }
    let [low, high] = [state[2], state[3]];
    for (let step = 0; step < 24; step++) {
      const [nextLow, nextHigh] = [turned(low, high, TURNS[step]), turned(high, low, TURNS[step])];
      const lane = LANES[step];
      [low, high] = [state[lane], state[lane + 1]];
      state[lane] = nextLow;
      state[lane + 1] = nextHigh;
    }
    for (let y = 0; y < 50; y += 10) {
      for (let x = 0; x < 10; x++) row[x] = state[y + x];
      for (let x = 0; x < 10; x++) state[y + x] ^= ~row[(x + 2) % 10] & row[(x + 4) % 10];
    }
    state[0] ^= ADDED[round][0];
    state[1] ^= ADDED[round][1];
  }
}

// Returns the 32 bytes of the hash of a Uint8Array.
export function keccak256(data) {
  const padded = new Uint8Array((Math.floor(data.length / RATE) + 1) * RATE);
  padded.set(data);
  padded[data.length] = 0x01;
  padded[padded.length - 1] |= 0x80;
  const view = new DataView(padded.buffer);
  const state = new Int32Array(50);
  const row = new Int32Array(10);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let word = 0; word < RATE / 4; word++) state[word] ^= view.getInt32(block + 4 * word, true);
    permute(state, row);
  }
  const hash = new DataView(new ArrayBuffer(32));
  for (let word = 0; word < 8; word++) hash.setInt32(4 * word, state[word], true);
  return new Uint8Array(hash.buffer);
}
