// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

type testChannelCmd struct {
	ID   string `arg:"" help:"Id del canale, come in «channels»."`
	Keep bool   `help:"Lascia il messaggio sul canale (leave it there)."`
	Reason
}

// Run has a marked test message published, once: the key is new at each start of the program, and the same
// whenever the client has to send the request again.
func (c *testChannelCmd) Run(r *Run) error {
	client, err := r.client(palinsesto.RoleAdmin)
	if err != nil {
		return err
	}
	body := only(map[string]string{"reason": c.Reason.Reason})
	if c.Keep {
		body["keep"] = true
	}
	var raw json.RawMessage
	call := Call{Method: http.MethodPost, Path: "/api/v1/channels/" + url.PathEscape(c.ID) + "/test", Body: body}
	if err := client.Do(r.Ctx, call, &raw); err != nil {
		return err
	}
	var out tested
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	if err := r.answer(raw, func() error { return r.say("%s", out.words()) }); err != nil {
		return err
	}
	if out.Test.Verdict != "posted" {
		return ErrSaid
	}
	return nil
}

// tested is the API's answer.
type tested struct {
	Channel string
	Test    struct {
		Verdict, Cause, Problem, Link, Afterwards string
		RemoteIDs                                 []string `json:"remote_ids"`
		TookMS                                    int64    `json:"took_ms"`
	}
}

// words are what people read of it.
func (t tested) words() string {
	x := t.Test
	switch {
	case x.Verdict == "":
		return "La prova è ancora in corso: guardare fra poco con «channels» (still under way)."
	case x.Verdict == "unknown":
		return "Esito incerto: il messaggio di prova può essere sul canale. (It may be out.) " + x.Problem
	case x.Verdict != "posted":
		return "Non è uscito (it did not go out): " + palinsesto.Word(x.Verdict) + ". " + x.Problem
	}
	where := cmp.Or(x.Link, strings.Join(x.RemoteIDs, ", "))
	switch x.Afterwards {
	case palinsesto.TestRemoved:
		return "Uscito su " + where + " e tolto: il canale funziona. (It went out and was removed.)"
	case palinsesto.TestKept:
		return "Uscito su " + where + " e lasciato lì, come chiesto. (It went out and was left there.)"
	default:
		return "Uscito su " + where + ". " + x.Problem + " (It went out; remove it by hand.)"
	}
}
