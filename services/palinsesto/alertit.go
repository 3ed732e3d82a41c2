// SPDX-License-Identifier: AGPL-3.0-or-later

package palinsesto

// italianAlert is what is said of an alert in Italian.
func italianAlert(kind AlertKind) AlertWords {
	switch kind {
	case AlertFailed:
		return AlertWords{"{n} post rifiutati su {scope} ({cause})",
			"La rete li ha rifiutati per sempre: non escono, e nessuno li ritenta da solo.",
			"Correggere la segnalazione e approvarla di nuovo, oppure, se la causa è passata: palinsesto requeue --cause {cause}."}
	case AlertUncertain:
		return AlertWords{"{n} post incerti su {scope} ({cause})",
			"Potrebbero essere usciti oppure no: la risposta della rete è andata persa. Non vengono rinviati da soli, per non pubblicare due volte.",
			"Guardare sul canale. Se il post c'è: palinsesto resolve ID --out --link URL. Se non c'è: palinsesto resolve ID --not-out."}
	case AlertMissed:
		return AlertWords{"{n} post mancati su {scope} ({cause})",
			"Il momento approvato è passato senza che potessero uscire.",
			"Decidere se hanno ancora senso: palinsesto requeue ID (o --cause), altrimenti palinsesto cancel ID."}
	case AlertHand:
		return AlertWords{"{n} post da sistemare a mano su {scope} ({cause})",
			"Una modifica o una rimozione non è riuscita, o un post annullato è in parte già uscito: il canale non mostra ciò che è stato deciso.",
			"Aprire il post (palinsesto show ID), fare la modifica sul canale, poi confermarla: palinsesto resolve ID --done --reason …"}
	case AlertReconnect:
		return AlertWords{"il canale {scope} va ricollegato",
			"La rete non accetta più le credenziali: i post di questo canale aspettano e, passata la tolleranza, diventano mancati.",
			"Controllare il token e i permessi del bot, sostituire il file del token, poi: palinsesto channel reconnected {scope}. I post in attesa ripartono da soli."}
	case AlertNothingDue:
		return AlertWords{"oggi non esce nulla",
			"Per questo giorno lavorativo nessun post è previsto su nessun canale.",
			"Controllare se ci sono segnalazioni da approvare. Se è voluto, aggiungere il giorno ad alerts: closed."}
	case AlertRoom:
		return AlertWords{"la stanza {scope} non funziona",
			"Una parte del programma è ferma o non è pronta: ciò che le spetta aspetta. Nulla di confermato va perso.",
			"Guardare /readyz e i log di quel processo; riavviarlo. Le stanze ripartono in qualsiasi ordine."}
	case AlertIndex:
		return AlertWords{"l'indice non è aggiornato",
			"Elenchi e coda delle uscite sono indietro o assenti: i post possono uscire in ritardo. Il registro è intatto.",
			"Controllare Redis (memoria, noeviction). L'indice si ricostruisce da solo; per forzarlo: palinsesto rebuild."}
	case AlertDisk:
		return AlertWords{"spazio su disco in esaurimento",
			"Sotto la soglia non si accettano più nuove segnalazioni e media; ciò che è già approvato esce.",
			"Liberare spazio o ingrandire il disco. Non togliere nulla dalla cartella dei dati."}
	case AlertClock:
		return AlertWords{"l'orologio non è giusto",
			"Una stanza e il registro non concordano sull'ora: finché è così non si pubblica nulla.",
			"Sincronizzare l'ora delle macchine (NTP: timedatectl, chronyc tracking)."}
	case AlertBackup:
		return AlertWords{"l'ultimo backup è vecchio o fallito",
			"Se il disco si rompe adesso si perde ciò che è successo dopo l'ultimo backup riuscito.",
			"Guardare i log del backup, farne uno a mano: palinsesto backup FILE, poi palinsesto backup --verify."}
	case AlertDead:
		return AlertWords{"{n} eventi messi da parte",
			"Una stanza non è riuscita a lavorare degli eventi e li ha lasciati: le loro segnalazioni o i loro post possono essere fermi.",
			"Leggerli con nats stream view PALINSESTO_DEAD; segnalare il difetto; palinsesto check dice che cosa è rimasto fermo."}
	case AlertLog:
		return AlertWords{"il registro non si raggiunge",
			"NATS non risponde o non può scrivere: non si accetta e non si pubblica nulla. Ciò che era confermato è sul disco.",
			"Controllare il server NATS, la rete e lo spazio su disco. Le stanze si ricollegano da sole."}
	default:
		return AlertWords{"{kind} {scope}: {n}", "Una versione più recente ha segnalato questo avviso.", "Guardare /readyz e il manuale degli operatori."}
	}
}
