package login

import (
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Navigates reports whether somebody waits in front of a browser for the page that
// the request asks for, so that it helps to send the browser to a login: a GET that
// is a navigation by the browser's own word (Sec-Fetch-Mode), or asks for HTML.
// Scripts get an answer 401, which they understand.
func Navigates(r *message.Request) bool {
	if r.Method != "GET" || message.EqualName(r.Header.Get("X-Requested-With"), "XMLHttpRequest") {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" && mode != "nested-navigate" {
		return false
	}
	for list := range r.Header.Values("Accept") {
		for kind := range strings.SplitSeq(list, ",") {
			kind, _, _ = strings.Cut(kind, ";")
			switch kind = strings.Trim(kind, " \t"); {
			case message.EqualName(kind, "text/html"), message.EqualName(kind, "application/xhtml+xml"):
				return true
			}
		}
	}
	return false
}

// HideAnswer keeps the answer of a provider, which the query of the request is, out
// of the access log: when the login cannot be completed its code is still good.
func HideAnswer(c *filter.Context) {
	c.AccessLog.MaskQuery = append(c.AccessLog.MaskQuery, "code", "state")
}

// Identity is who a filter found out to send the request, for filters that follow.
type Identity struct {
	// Subject is the name of the user with the provider.
	Subject string
	// Claims is what is known about the user, a JSON object.
	Claims []byte
}

var identity = filter.NewKey[*Identity]("login identity")

// SetIdentity says who sends the request.
func SetIdentity(c *filter.Context, id *Identity) {
	identity.Set(c, id)
	filter.SetState(c, "auth-user", id.Subject)
}

// IdentityOf returns who sends the request, nil when no filter has found out.
func IdentityOf(c *filter.Context) *Identity {
	id, _ := identity.Get(c)
	return id
}

// failedText is what people read whose login failed.
const failedText = "This login cannot be completed: it was answered already, took too long, was begun in another browser, or was refused. Open the page again to log in.\n"

// Failed answers that a login failed, and what to do.
func Failed(c *filter.Context) {
	resp := c.Refuse(message.ReasonUnauthorized)
	resp.SetBody(strings.NewReader(failedText), int64(len(failedText)))
	resp.Header.Set("Cache-Control", "no-store")
	resp.Header.Set("Referrer-Policy", "no-referrer")
}

// Redirect answers with a redirect that nobody may keep, and that does not tell
// where it comes from: the URL may hold a code.
func Redirect(c *filter.Context, location string) *message.Response {
	resp := &message.Response{Status: 302}
	resp.Header.Add("Location", location)
	resp.Header.Add("Cache-Control", "no-store")
	resp.Header.Add("Referrer-Policy", "no-referrer")
	c.Serve(resp)
	return resp
}
