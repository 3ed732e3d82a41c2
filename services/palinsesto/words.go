// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

// words are what people read where the log has a name: states, events and verdicts. A name means the same
// wherever it stands, but for the three that a segnalazione and a post both have.
var words = map[string]string{
	"planned": "pianificato", "queued": "in coda", "due": "in partenza", "prepared": "preparato", "publishing": "in invio",
	"posted": "uscito", "retrying": "si ritenta", "failed": "non riuscito", "uncertain": "incerto", "checked": "verificato", "resolved": "chiarito",
	"missed": "mancato", "held": "fermo", "requeued": "rimesso in coda", "cancelled": "annullato",
	"editing": "in correzione", "edited": "corretto", "removing": "in rimozione", "removed": "tolto", "erased": "cancellato",

	"submitted": "da rivedere", "changes_requested": "modifiche richieste", "revised": "modificata", "approved": "approvata",
	"rejected": "respinta", "withdrawn": "ritirata", "expired": "scaduta", "commented": "commentata",

	"connected": "collegato", "paused": "in pausa", "resumed": "ripreso", "needs_reconnect": "da ricollegare",

	"open": "aperto", "over": "concluso",

	"not_sent": "non partito", "retry_after": "la rete chiede di aspettare", "permanent": "rifiutato dalla rete",
	"reconnect": "la rete non riconosce l'accesso", "unknown": "esito sconosciuto", "stopped": "fermato prima dell'invio",
	"person": "una persona", "found": "trovato sulla rete", "same_key": "reinviato con la stessa chiave", "late_answer": "risposta in ritardo",
	"notes": "appunti fuori dai dati", "tested": "messaggio di prova",
}

// Word is a state, an event or a verdict as people read it; of what is not known, its name.
func Word(name string) string {
	if w, ok := words[name]; ok {
		return w
	}
	return name
}

// PostStates are all states of a post that a list can be asked for, in the order of its life.
func PostStates() []PostState {
	return []PostState{PostPlanned, PostQueued, PostDue, PostPublishing, PostPosted, PostRetrying, PostFailed, PostUncertain,
		PostMissed, PostHeld, PostCancelled, PostEditing, PostEdited, PostRemoving, PostRemoved, PostErased}
}

// SegStates are those of a segnalazione.
func SegStates() []SegState {
	return []SegState{SegSubmitted, SegChangesRequested, SegApproved, SegRejected, SegWithdrawn, SegExpired, SegErased}
}
