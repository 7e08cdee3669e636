package configtest

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"fairlead/internal/config"
)

func TestSchema_holds_what_owners_say_of_their_blocks(t *testing.T) {
	type dir struct {
		Path config.Path `yaml:"path,required"`
	}
	b, err := Schema(map[string]map[string]any{"backup.store": {"dir": dir{}}}, func(reflect.Type) map[string]string {
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties struct {
			Backup struct {
				Properties struct {
					Store struct {
						Properties map[string]any
						Required   []string
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	store := s.Properties.Backup.Properties.Store
	if store.Properties["path"] == nil || store.Properties["kind"] == nil ||
		!slices.Equal(store.Required, []string{"kind", "path"}) {
		t.Errorf("got %+v", store)
	}
}
