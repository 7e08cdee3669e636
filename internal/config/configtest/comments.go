package configtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
)

// root is the module, seen from this package.
const root = "../../.."

// Comments reads what the keys of a struct mean: the comments above its fields, each on one line. It panics where a
// struct is not in the sources of this module, or one of its keys says nothing.
func Comments(t reflect.Type) map[string]string {
	folder := filepath.Join(root, strings.TrimPrefix(t.PkgPath(), "fairlead/"))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		panic(err)
	}
	for _, name := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			panic(err)
		}
		for _, d := range tree.Decls {
			if found := structOf(d, t.Name()); found != nil {
				return comments(found)
			}
		}
	}
	panic(fmt.Sprintf("%s has no struct %s", folder, t.Name()))
}

// structOf gives the struct of that name when a declaration declares it.
func structOf(d ast.Decl, name string) *ast.StructType {
	g, ok := d.(*ast.GenDecl)
	if !ok {
		return nil
	}
	for _, s := range g.Specs {
		if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == name {
			found, _ := ts.Type.(*ast.StructType)
			return found
		}
	}
	return nil
}

func comments(s *ast.StructType) map[string]string {
	all := map[string]string{}
	for _, f := range s.Fields.List {
		text := strings.Join(strings.Fields(f.Doc.Text()), " ")
		for _, n := range f.Names {
			if text == "" && f.Tag != nil {
				panic("the key " + n.Name + " says nothing")
			}
			all[n.Name] = text
		}
	}
	return all
}
