"""A wallet in the browser that announces itself (EIP-6963), asks nobody, and signs for real."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from eth_account import Account
from eth_account.messages import encode_typed_data
from playwright.sync_api import Page

from chargecoin.local_node import LocalNode
from chargecoin.typed_data import Signer
from tests.dashboard.people import personal

SCRIPT: Final = """
const provider = {
  async request(asked) {
    const answer = JSON.parse(await window.walletAsks(JSON.stringify(asked)));
    if (answer.error) throw answer.error;
    return answer.result;
  },
};
const info = {
  uuid: "350670db-19fa-4704-a166-e52e178b59d2",
  name: "Test Wallet",
  icon: "data:image/svg+xml,<svg/>",
  rdns: "test.wallet",
};
const announce = () =>
  dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) })
  );
addEventListener("eip6963:requestProvider", announce);
"""


@dataclass
class Wallet:
    """One account; `declines` lets its holder say no to everything but showing it."""

    secret: bytes
    node: LocalNode | None
    chain_id: int = 31337
    declines: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The account."""
        return Signer(self.secret).address

    def enter(self, page: Page) -> None:
        """Be there on every page that is opened from now on."""
        page.expose_function("walletAsks", self._answer)
        page.add_init_script(SCRIPT)

    def _answer(self, text: str) -> str:
        asked: dict[str, Any] = json.loads(text)
        method, params = asked["method"], asked.get("params", [])
        self.asked.append(method)
        if self.declines and method != "eth_requestAccounts":
            return json.dumps({"error": {"code": 4001, "message": "User rejected the request."}})
        return json.dumps({"result": self._do(method, params)})

    def _do(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_requestAccounts":
                return [self.address.lower()]
            case "eth_chainId":
                return hex(self.chain_id)
            case "wallet_switchEthereumChain":
                self.chain_id = int(params[0]["chainId"], 16)
                return None
            case "eth_call" | "eth_getTransactionReceipt" | "eth_getBlockByNumber":
                assert self.node is not None
                return self.node.rpc(method, *params)
            case "personal_sign":
                message = bytes.fromhex(params[0][2:]).decode()
                return "0x" + Signer(self.secret).sign(personal(message)).hex()
            case "eth_signTypedData_v4":
                return self._sign_typed(params[0], params[1])
            case "eth_sendTransaction":
                return self._send(params[0])
        raise AssertionError(f"a wallet knows no {method}")

    def _sign_typed(self, account: str, data: str) -> str:
        assert account == self.address.lower()
        message = encode_typed_data(full_message=json.loads(data))
        signature: str = Account.sign_message(message, self.secret).signature.to_0x_hex()
        return signature

    def _send(self, given: dict[str, str]) -> str:
        assert self.node is not None
        fields = {
            "to": given["to"],
            "data": given["data"],
            "value": 0,
            "chainId": self.chain_id,
            "nonce": int(self.node.rpc("eth_getTransactionCount", self.address, "latest"), 16),
            "gas": 2 * int(self.node.rpc("eth_estimateGas", given), 16),
            "maxFeePerGas": 2 * int(self.node.rpc("eth_gasPrice"), 16),
            "maxPriorityFeePerGas": 0,
        }
        signed = Account.sign_transaction(fields, self.secret)
        sent: str = self.node.rpc("eth_sendRawTransaction", signed.raw_transaction.to_0x_hex())
        return sent
