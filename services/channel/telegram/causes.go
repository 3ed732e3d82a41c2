// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
)

// refusals tells 400s apart by the start of their description, in lower case and without "Bad Request: ":
// the Bot API has no finer code for them, so this is the one place where text counts. What is not here
// is a refusal all the same. Texts: tdlib/telegram-bot-api, Client.cpp; those in one piece of
// capitals or about rights come from Telegram's core.
var refusals = []struct{ prefix, cause string }{
	{"chat not found", "chat_not_found"},
	{"group chat was upgraded", "migrated_unknown"},
	{"need administrator rights", "no_rights"},
	{"not enough rights", "no_rights"},
	{"have no rights to send", "no_rights"},
	{"chat_admin_required", "no_rights"},
	{"chat_write_forbidden", "no_rights"},
	{"member list is inaccessible", "no_rights"},
	{"message is too long", "too_long"},
	{"message caption is too long", "too_long"},
	{"media_caption_too_long", "too_long"},
	{"message text is empty", "bad_text"},
	{"can't parse entities", "bad_text"},
	{"photo_invalid_dimensions", "bad_media"},
	{"image_process_failed", "bad_media"},
	{"wrong file identifier", "bad_media"},
	{"wrong type of the web page content", "bad_media"},
	{"failed to get http url content", "bad_media"},
	{"file is too big", "too_big"},
	{"message to be replied not found", "reply_gone"},
	{"message is not modified", "unchanged"},
	{"message to edit not found", "edit_not_found"},
	{"message can't be edited", "cannot_edit"},
	{"there is no text in the message to edit", "cannot_edit"},
	{"there is no caption in the message to edit", "cannot_edit"},
	{"message to delete not found", "gone"},
	{"message can't be deleted", "cannot_delete"},
}

// cause is what an error comes to and what people read about it.
type cause struct {
	verdict channel.Verdict
	text    string
}

const (
	notOut  = " " + wire.NotDone
	maybe   = " " + wire.MaybeDone
	waiting = " I post di questo canale aspettano."
	again   = " e poi " + wire.Again + "."
)

// causes has all that the adapter itself can come to; what the wire comes to is in package wire.
var causes = map[string]cause{
	"chat_not_found":   {channel.Permanent, "Telegram non trova il canale indicato." + notOut + " Controllare il canale (target) nella configurazione e che il bot ne sia amministratore," + again},
	"migrated":         {channel.Permanent, "Il gruppo su Telegram è stato trasformato e ha un nuovo numero: {id}." + notOut + " Scrivere il nuovo numero come target nella configurazione," + again},
	"migrated_unknown": {channel.Permanent, "Il gruppo su Telegram è stato trasformato e ha un nuovo numero." + notOut + " Scrivere il nuovo numero come target nella configurazione," + again},
	"too_long":         {channel.Permanent, "Per Telegram il testo è troppo lungo." + notOut + " Accorciare il testo, farlo approvare" + again},
	"bad_text":         {channel.Permanent, "Telegram non accetta questo testo o la sua formattazione." + notOut + " Correggere il testo, farlo approvare" + again},
	"bad_media":        {channel.Permanent, "Telegram non accetta questa immagine o questo video." + notOut + " Cambiare il file, farlo approvare" + again},
	"too_big":          {channel.Permanent, "Per Telegram il file è troppo grande." + notOut + " Ridurre il file, farlo approvare" + again},
	"limits":           {channel.Permanent, "Il post non rientra nei limiti di Telegram. {why}" + notOut + " Correggere, far approvare" + again},
	"reply_gone":       {channel.Permanent, "La prima parte del post non è più sul canale Telegram, perciò la seconda non è uscita. Verificare chi l'ha tolta e decidere se ripubblicare tutto."},
	"bad_reply":        {channel.Permanent, "Il numero della prima parte del post non è valido per Telegram." + notOut + " È un errore del programma: segnalarlo a chi lo gestisce."},
	"refused":          {channel.Permanent, "Telegram ha rifiutato la richiesta." + notOut + " Leggere la risposta di Telegram qui accanto, correggere" + again},
	"media_changed":    {channel.Permanent, "Il file nell'archivio non è quello approvato." + notOut + " Caricare di nuovo il file e farlo approvare; avvertire chi gestisce il sistema."},
	"not_prepared":     {channel.Permanent, "La richiesta a Telegram non era pronta." + notOut + " È un errore del programma: segnalarlo a chi lo gestisce," + again},

	"media_unreadable": {channel.NotSent, "Il file da pubblicare non si legge dall'archivio. " + wire.NotDone + " Il sistema riprova da solo. Se dura, controllare l'archivio dei media."},
	"rate":             {channel.RetryAfter, "Telegram chiede di rallentare. " + wire.NotDone + " Il sistema riprova da solo tra {wait}. Se succede spesso, distanziare i post del canale."},

	"unauthorized":     {channel.Reconnect, "Telegram non accetta il token del bot." + waiting + " Chiedere a @BotFather il token valido, metterlo nel file del token e ricollegare il canale."},
	"not_found":        {channel.Reconnect, "Telegram non riconosce l'indirizzo del bot: il token è sbagliato o api_base non è un server della Bot API." + waiting + " Controllare entrambi e ricollegare il canale."},
	"forbidden":        {channel.Reconnect, "Il bot non può scrivere sul canale Telegram: ne è stato tolto o bloccato." + waiting + " Rimettere il bot tra gli amministratori del canale e ricollegarlo."},
	"no_rights":        {channel.Reconnect, "Il bot non ha il permesso di pubblicare sul canale Telegram." + waiting + " Nominarlo amministratore con il permesso di pubblicare messaggi e ricollegare il canale."},
	"token_unreadable": {channel.Reconnect, "Il token del bot Telegram non si legge." + waiting + " Controllare il file o la variabile del token e ricollegare il canale."},
	"token_malformed":  {channel.Reconnect, "Il token del bot Telegram non ha la forma giusta (numero:lettere)." + waiting + " Copiarlo di nuovo da @BotFather e ricollegare il canale."},

	"server_error": {channel.Unknown, "Telegram ha avuto un errore interno mentre riceveva la richiesta." + maybe},
	"redirect":     {channel.Unknown, "Il server ha rimandato a un altro indirizzo, che non è stato seguito: forse api_base è sbagliato." + maybe},
	"unreadable":   {channel.Unknown, "La risposta di Telegram non si capisce." + maybe},
	"restarted":    {channel.Unknown, "Il server di Telegram si è riavviato mentre riceveva la richiesta." + maybe},

	"unchanged":      {channel.Permanent, "Il messaggio su Telegram è già così: non c'è nulla da cambiare."},
	"edit_not_found": {channel.Permanent, "Il messaggio da modificare non è più su Telegram. La modifica non è stata fatta. Verificare sul canale; se serve, ripubblicare."},
	"cannot_edit":    {channel.Permanent, "Telegram non permette questa modifica del messaggio. Sul canale è rimasto com'era: cambiarlo a mano, oppure toglierlo e ripubblicare."},
	"gone":           {channel.Permanent, "Il messaggio non è più su Telegram: non c'è nulla da togliere."},
	"cannot_delete":  {channel.Permanent, "Telegram non permette al bot di togliere il messaggio, di solito perché ha più di 48 ore. È ancora sul canale: toglierlo a mano dall'app con un account amministratore."},
	"no_ids":         {channel.Permanent, "Del messaggio su Telegram non si conosce il numero. Se è sul canale, toglierlo o cambiarlo a mano."},
}
