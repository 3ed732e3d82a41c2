// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

func italian() voice {
	return voice{
		open: "[AVVISO]", over: "[RISOLTO]", more: " (e altri %d)", lasted: "È durato %s.",
		what: "Che cosa è successo", means: "Che cosa significa", do: "Che cosa fare", since: "Dal", look: "Vedere", handbook: "Manuale",
	}
}
