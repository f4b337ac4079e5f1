// The three events that sessions come in, of one contract, from PONDER_RPC_URL_31337.
import { readFileSync } from "node:fs";
import { createConfig } from "ponder";
import type { Abi, Address } from "viem";

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};

export default createConfig({
  database: { kind: "postgres", connectionString: setting("DATABASE_URL") },
  chains: {
    anvil: {
      id: 31337,
      rpc: setting("PONDER_RPC_URL_31337"),
      // Its own default is 50 requests a second; the node is ours alone.
      pollingInterval: 100,
      disableCache: true,
    },
  },
  contracts: {
    Settlement: {
      chain: "anvil",
      abi: JSON.parse(readFileSync(setting("SETTLEMENT_ABI"), "utf8")).abi as Abi,
      address: setting("SETTLEMENT_ADDRESS") as Address,
      startBlock: Number(setting("START_BLOCK")),
    },
  },
});
