"""The store: the truth about cases, messages and deliveries, one transaction at a time.

    Store           two databases (content, keys): upgrade, check, write() and read() transactions, seals, keyed hashes
    Work            one transaction: a repository per topic, claim, record
    Seal            the key of one case or owner in use: seal and open rows
    …Row            frozen rows, one class per table (rows.py)
    Accept, Permitted, Refusal          the claim's question to policy, and its two answers
    Admit, Admitted                     the claim's question about partners, and its answer; Place and Load say which, and what is out to it
    ClaimedRow, OutcomeRow, Recorded    what the claim gives, what the record takes and gives
    Beside          what intake looks at beside a case, and UsedIdRow what it keeps of a standard's ids; Tail the end of a recipient's line in it
    Move            a unit whose successor takes its place in a case
    Change          a guarded change of deliveries' state
    BLOCKING        the states in which a delivery keeps its successor waiting
    CLOCKS_APART    how far apart the clocks of a hub's machines may be
    Backup          one database as it was at one moment, in a folder with a manifest (backup.py); Staged one on its way back
    NO_OWNER        the owner of what belongs to no organisation
    UNSETTLED       the states whose deliveries are quickly counted and listed

Nothing above this package sees SQL. It must never import policy or model: it keeps what they decided.
"""

from siphub.store.backup import Backup, Manifest, What, prune
from siphub.store.deliveries import Tail
from siphub.store.intake import Beside, UsedIdRow
from siphub.store.knocks import Listening
from siphub.store.rows import (
    BLOCKING,
    CLOCKS_APART,
    NO_OWNER,
    UNSETTLED,
    Accept,
    AttemptRow,
    AuditRow,
    BellRow,
    CaseRow,
    Change,
    ClaimedRow,
    DeadlineRow,
    DeliveryRow,
    EventRow,
    GrantRow,
    MessageRow,
    Move,
    OutcomeRow,
    Permitted,
    ReceiptRow,
    RecordCopyRow,
    Recorded,
    Refusal,
    SubmissionRow,
    UnconfirmedRow,
    WorkItemRow,
)
from siphub.store.rows_directory import AgreementRow, CredentialRow, DirectoryRows, OrganisationRow, UnitRow
from siphub.store.rows_operation import ProcessRow, SilentRow, SwitchRow
from siphub.store.rows_partners import Admit, Admitted, Load, PartnerRow, Place
from siphub.store.sealing import Seal
from siphub.store.staging import Staged, stage
from siphub.store.store import Store
from siphub.store.unit import Work

__all__ = [
    "BLOCKING",
    "CLOCKS_APART",
    "NO_OWNER",
    "UNSETTLED",
    "Accept",
    "Admit",
    "Admitted",
    "AgreementRow",
    "AttemptRow",
    "AuditRow",
    "Backup",
    "BellRow",
    "Beside",
    "CaseRow",
    "Change",
    "ClaimedRow",
    "CredentialRow",
    "DeadlineRow",
    "DeliveryRow",
    "DirectoryRows",
    "EventRow",
    "GrantRow",
    "Listening",
    "Load",
    "Manifest",
    "MessageRow",
    "Move",
    "OrganisationRow",
    "OutcomeRow",
    "PartnerRow",
    "Permitted",
    "Place",
    "ProcessRow",
    "ReceiptRow",
    "RecordCopyRow",
    "Recorded",
    "Refusal",
    "Seal",
    "SilentRow",
    "Staged",
    "Store",
    "SubmissionRow",
    "SwitchRow",
    "Tail",
    "UnconfirmedRow",
    "UnitRow",
    "UsedIdRow",
    "What",
    "Work",
    "WorkItemRow",
    "prune",
    "stage",
]
