// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

func english() voice {
	return voice{
		english: true,
		open:    "[ALERT]", over: "[OVER]", more: " (and %d more)", lasted: "It lasted %s.",
		what: "What happened", means: "What it means", do: "What to do", since: "Since", look: "Look at", handbook: "Handbook",
	}
}
