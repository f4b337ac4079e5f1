"""Every error ChargeCoin raises on purpose.

    ChargeCoinError
    ├── ConfigurationError      a setting, file or address book is missing or wrong
    ├── CodecError              bytes or fields that are not what the format says
    │   └── FieldRangeError     a field does not fit its bits
    ├── EvidenceError           a bundle or proof that cannot be read at all
    │   └── EvidenceCheckError      evidence that does not hold, with the step that found it
    ├── MeteringError           readings from which no energy can be stated
    │   └── SignatureInvalidError   a meter's signature does not verify
    ├── MandateError            a mandate that is malformed, out of date or not signed by its holder
    ├── ChainError              the node or the chain is not what we need it to be
    │   ├── NodeUnavailableError    no answer; try again later
    │   │   └── InconsistentNodeError   answers that contradict each other or what is known
    │   ├── WrongChainError         another chain id, or no code at an address
    │   └── RevertedError           a contract refused a call or a transaction, with its reason
    ├── AttestationRefusedError an attester will not sign, with the check that failed
    ├── CentralSystemError      no answer, or a refusal, where a charge point needs one
    ├── StoreError              durable storage failed; nothing was acknowledged
    ├── FeedError               an operational feed entry that is not in order or not signed
    ├── ReportError             a carbon report, or a file it is made from, that cannot be read
    └── IndexerError            the indexer gives no answer, or none to this question

Messages say what was wrong and what to do about it.
"""


class ChargeCoinError(Exception):
    """Base of all errors below: catch it to catch every fault that is not a bug."""


class ConfigurationError(ChargeCoinError):
    """A setting, file or address book is missing or wrong."""


class CodecError(ChargeCoinError, ValueError):
    """Bytes or fields that are not what the format says."""


class FieldRangeError(CodecError):
    """A field does not fit its bits."""

    def __init__(self, field: str, value: int, maximum: int, minimum: int = 0) -> None:
        """Name the field, what it held and what it may hold."""
        super().__init__(f"{field} is {value}, must be {minimum} to {maximum}")
        self.field = field


class EvidenceError(ChargeCoinError, ValueError):
    """A bundle or proof that cannot be read at all."""


class EvidenceCheckError(EvidenceError):
    """Evidence that does not hold. `step` names the step of docs/evidence.md that found it."""

    def __init__(self, step: str, message: str) -> None:
        """Name the step and say what does not hold."""
        super().__init__(message)
        self.step = step


class MeteringError(ChargeCoinError, ValueError):
    """Readings from which no energy can be stated. `code` is machine-readable."""

    def __init__(self, code: str, message: str) -> None:
        """Give a machine-readable code (snake case) and a sentence."""
        super().__init__(message)
        self.code = code


class SignatureInvalidError(MeteringError):
    """A meter's signature does not verify under the key given."""

    def __init__(self, message: str) -> None:
        """Say which signature and under which key."""
        super().__init__("signature_invalid", message)


class MandateError(ChargeCoinError, ValueError):
    """A mandate that is malformed, out of date or not signed by its holder."""


class ChainError(ChargeCoinError):
    """The node or the chain is not what we need it to be."""


class NodeUnavailableError(ChainError):
    """The node gave no answer; trying again later may help."""


class InconsistentNodeError(NodeUnavailableError):
    """A node's answers contradict each other or what is known; none of them is used."""


class WrongChainError(ChainError):
    """Another chain id than expected, or no code at an address."""


class RevertedError(ChainError):
    """A contract refused a call or a transaction. `reason` holds its own words, if any."""

    def __init__(self, what: str, reason: str) -> None:
        """Name the call and the reason the contract gave (may be empty)."""
        super().__init__(f"{what} was refused: {reason or 'the contract gave no reason'}")
        self.reason = reason


class AttestationRefusedError(ChargeCoinError):
    """An attester will not sign. `check` names the check that failed."""

    def __init__(self, check: str, message: str, session_id: int | None = None) -> None:
        """Name the check (snake case), the sentence, and the session it failed on."""
        super().__init__(message)
        self.check = check
        self.session_id = session_id


class CentralSystemError(ChargeCoinError):
    """The central system refuses a charge point or does not answer it."""


class StoreError(ChargeCoinError):
    """Durable storage failed; nothing was acknowledged."""


class FeedError(ChargeCoinError, ValueError):
    """An operational feed entry that is not in order or not signed."""


class ReportError(ChargeCoinError, ValueError):
    """A carbon report, or a file that it is made from, that cannot be read; says what is wrong."""


class IndexerError(ChargeCoinError):
    """The indexer gives no answer, or none to this question; `status` is its HTTP status, if any.

    503: its figures are withheld until they are mended; asking again later helps.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        """Say what was asked and what came back."""
        super().__init__(message)
        self.status = status
