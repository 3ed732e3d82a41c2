// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

// englishAlert is the same in English.
func englishAlert(kind AlertKind) AlertWords {
	switch kind {
	case AlertFailed:
		return AlertWords{"{n} posts refused on {scope} ({cause})",
			"The network refused them for good: they do not go out, and nothing tries them again by itself.",
			"Mend the segnalazione and approve it again; or, if the cause is gone: palinsesto requeue --cause {cause}."}
	case AlertUncertain:
		return AlertWords{"{n} posts uncertain on {scope} ({cause})",
			"They may be out or not: the network's answer was lost. They are not sent again by themselves, lest they go out twice.",
			"Look at the channel. If the post is there: palinsesto resolve ID --out --link URL. If not: palinsesto resolve ID --not-out."}
	case AlertMissed:
		return AlertWords{"{n} posts missed on {scope} ({cause})",
			"The approved moment passed and they could not go out.",
			"Decide whether they still make sense: palinsesto requeue ID (or --cause), else palinsesto cancel ID."}
	case AlertHand:
		return AlertWords{"{n} posts to mend by hand on {scope} ({cause})",
			"An edit or removal did not come about, or a cancelled post is partly out: the channel does not show what was decided.",
			"Open the post (palinsesto show ID), make the change on the channel, then confirm it: palinsesto resolve ID --done --reason …"}
	case AlertReconnect:
		return AlertWords{"channel {scope} must be reconnected",
			"The network takes the credentials no more: posts of this channel wait, and are missed when the grace is over.",
			"Check the token and the bot's rights, replace the token file, then: palinsesto channel reconnected {scope}. Waiting posts go on by themselves."}
	case AlertNothingDue:
		return AlertWords{"nothing goes out today",
			"No post is due on any channel on this working day.",
			"Look for segnalazioni to approve. If it is meant so, add the day to alerts: closed."}
	case AlertRoom:
		return AlertWords{"room {scope} does not work",
			"A part of the program is stopped or not ready: its work waits. Nothing that was acknowledged is lost.",
			"Look at /readyz and at that process's log lines; restart it. Rooms start in any order."}
	case AlertIndex:
		return AlertWords{"the index is not up to date",
			"Lists and the due queue are behind or away: posts may go out late. The log is whole.",
			"Check Redis (memory, noeviction). The index rebuilds itself; to force it: palinsesto rebuild."}
	case AlertDisk:
		return AlertWords{"little disk space left",
			"Below the floor no new segnalazioni and media are taken; what is approved goes out.",
			"Make room or enlarge the disk. Remove nothing from the data folder."}
	case AlertClock:
		return AlertWords{"a clock is off",
			"A room and the log do not agree on the time: until they do nothing is published.",
			"Synchronise the machines' clocks (NTP: timedatectl, chronyc tracking)."}
	case AlertBackup:
		return AlertWords{"the last backup is old or failed",
			"If the disk breaks now, what happened after the last good backup is lost.",
			"Look at the backup's log lines, make one by hand: palinsesto backup FILE, then palinsesto backup --verify."}
	case AlertDead:
		return AlertWords{"{n} events given up",
			"A room could not handle events and left them: their segnalazioni or posts may stand still.",
			"Read them with nats stream view PALINSESTO_DEAD; report the fault; palinsesto check tells what stands still."}
	case AlertLog:
		return AlertWords{"the log cannot be reached",
			"NATS does not answer or cannot write: nothing is taken and nothing published. What was acknowledged is on disk.",
			"Check the NATS server, the network and the disk. Rooms reconnect by themselves."}
	default:
		return AlertWords{"{kind} {scope}: {n}", "A newer version raised this alert.", "Look at /readyz and at the operators' handbook."}
	}
}
