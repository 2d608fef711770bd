package emulator

import (
	"maps"
	"net/http"
	"slices"

	httphelper "github.com/zitadel/oidc/v3/pkg/http"
)

// iTwin is one as a list of them shows it, in its minimal form.
type iTwin struct {
	ID          string  `json:"id"`
	Class       string  `json:"class"`
	SubClass    string  `json:"subClass"`
	Type        *string `json:"type"`
	DisplayName string  `json:"displayName"`
}

// iTwins lists those the caller is a member of, by id: none is a 200, too.
func (p *platform) iTwins(w http.ResponseWriter, _ *http.Request, caller App) {
	list := make([]iTwin, 0, len(caller.ITwins))
	for _, id := range slices.Sorted(maps.Keys(caller.ITwins)) {
		list = append(list, iTwin{ID: id, Class: "Endeavor", SubClass: "Project", DisplayName: "iTwin " + id})
	}
	httphelper.MarshalJSON(w, map[string][]iTwin{"iTwins": list})
}

// iModel is one as a list of them shows it, in its minimal form.
type iModel struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

// iModels lists those of an iTwin, each of which has one here.
func (p *platform) iModels(w http.ResponseWriter, r *http.Request, caller App) {
	id := r.URL.Query().Get("iTwinId")
	if _, member := caller.ITwins[id]; !member {
		writePlatformError(w, errNotFound("Requested iTwin is not available."))
		return
	}
	httphelper.MarshalJSON(w, map[string]any{
		"iModels": []iModel{{ID: stableID("iModel of " + id).String(), DisplayName: "iModel of " + id}},
		"_links":  map[string]any{"next": nil},
	})
}
