package sqlreview

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqltext"
)

// failNamed claims that a statement names something that is nowhere: a relation that it reads, a type, a function or a role.
func (p *pass) failNamed() {
	if p.nested {
		return // the statement around it was looked at whole, with the names of its WITH clause
	}
	p.failSchemas()
	n := p.node
	switch {
	case n.GetSelectStmt() != nil, n.GetInsertStmt() != nil, n.GetUpdateStmt() != nil, n.GetDeleteStmt() != nil, n.GetMergeStmt() != nil:
		p.failTree(n)
	case n.GetViewStmt() != nil:
		p.failTree(n.GetViewStmt().GetQuery())
	case n.GetCreateTableAsStmt() != nil:
		p.failTree(n.GetCreateTableAsStmt().GetQuery())
	case n.GetCopyStmt() != nil:
		p.failTree(n.GetCopyStmt().GetQuery())
	case n.GetCreateStmt() != nil:
		if !n.GetCreateStmt().GetIfNotExists() || !p.state.present(p.state.made(n.GetCreateStmt().GetRelation())) {
			p.failWords(n)
		}
	case n.GetAlterTableStmt() != nil:
		if !n.GetAlterTableStmt().GetMissingOk() || !p.state.missing(p.state.named(n.GetAlterTableStmt().GetRelation())) {
			p.failWords(n)
		}
	case n.GetIndexStmt() != nil:
		p.failWords(n)
		p.failOperators(n.GetIndexStmt())
	case n.GetCompositeTypeStmt() != nil, n.GetCreateDomainStmt() != nil, n.GetCreatePolicyStmt() != nil:
		p.failWords(n)
	case n.GetCreateFunctionStmt() != nil:
		p.failFunction(n.GetCreateFunctionStmt())
	case n.GetCreateTrigStmt() != nil:
		p.fail(p.state.functionMissing(n.GetCreateTrigStmt().GetFuncname()), fmt.Sprintf("function %s() does not exist", lastName(n.GetCreateTrigStmt().GetFuncname())))
	case n.GetGrantStmt() != nil:
		p.failGrant(n.GetGrantStmt())
	case n.GetAlterFunctionStmt() != nil:
		f := n.GetAlterFunctionStmt().GetFunc().GetObjname()
		p.fail(p.state.functionMissing(f), fmt.Sprintf("function %s() does not exist", lastName(f)))
	case n.GetAlterObjectSchemaStmt().GetRelation() != nil:
		if !n.GetAlterObjectSchemaStmt().GetMissingOk() {
			p.absent(n.GetAlterObjectSchemaStmt().GetRelation())
		}
	case n.GetAlterSeqStmt() != nil:
		if !n.GetAlterSeqStmt().GetMissingOk() {
			p.absent(n.GetAlterSeqStmt().GetSequence())
		}
	case n.GetCommentStmt() != nil:
		p.failComment(n.GetCommentStmt())
	}
	if rolesIn(n) {
		p.failRoles(n)
	}
}

// rolesIn says whether the names of roles in a statement must exist.
func rolesIn(n *pg.Node) bool {
	return n.GetGrantStmt() != nil || n.GetGrantRoleStmt() != nil || n.GetAlterOwnerStmt() != nil || n.GetAlterTableStmt() != nil || n.GetAlterDefaultPrivilegesStmt() != nil ||
		n.GetCreatePolicyStmt() != nil || n.GetAlterPolicyStmt() != nil || n.GetCreateSchemaStmt() != nil || n.GetDropRoleStmt() != nil && !n.GetDropRoleStmt().GetMissingOk() ||
		n.GetDropOwnedStmt() != nil || n.GetReassignOwnedStmt() != nil || n.GetAlterRoleStmt() != nil
}

func (p *pass) failRoles(n *pg.Node) {
	if !p.state.closed() {
		return
	}
	walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if r, ok := m.Interface().(*pg.RoleSpec); ok {
			p.fail(p.state.roleMissing(r), fmt.Sprintf("role %s does not exist", r.GetRolename()))
		}
		return true
	})
}

// failTree looks at the relations that a query reads, and at its words. Names of WITH queries are no relations.
func (p *pass) failTree(n *pg.Node) {
	if n == nil || p.state.catalog == nil && !p.state.lost() {
		return // nothing is known to be nowhere
	}
	var relations []*pg.RangeVar
	with := map[string]bool{}
	i := n.GetInsertStmt()
	constants := onlyConstants(i)
	if constants {
		relations = append(relations, i.GetRelation())
	} else {
		walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
			switch x := m.Interface().(type) {
			case *pg.CommonTableExpr:
				with[x.GetCtename()] = true
			case *pg.IntoClause:
				return false
			case *pg.RangeVar:
				relations = append(relations, x)
				return false
			}
			return true
		})
	}
	for _, x := range relations {
		if x.GetSchemaname() != "" || !with[x.GetRelname()] && !strings.HasPrefix(x.GetRelname(), "pg_") {
			p.absent(x)
		}
	}
	if !constants {
		p.failWords(n)
		p.failColumns(n)
	}
}

// lost says whether the script may have taken a relation away.
func (s *state) lost() bool {
	if len(s.relations) > 100 {
		return true
	}
	for _, r := range s.relations {
		if r.gone {
			return true
		}
	}
	return false
}

// onlyConstants recognises INSERT … VALUES of nothing but constants, of which large files are made: nothing in it is named besides the
// table.
func onlyConstants(i *pg.InsertStmt) bool {
	v := i.GetSelectStmt().GetSelectStmt()
	if v == nil || len(v.GetValuesLists()) == 0 || i.GetWithClause() != nil || v.GetWithClause() != nil || i.GetOnConflictClause() != nil || len(i.GetReturningList()) > 0 {
		return false
	}
	for _, row := range v.GetValuesLists() {
		for _, x := range row.GetList().GetItems() {
			if x.GetAConst() == nil && x.GetSetToDefault() == nil {
				return false
			}
		}
	}
	return true
}

// failWords looks at types and functions.
func (p *pass) failWords(n *pg.Node) {
	if !p.state.closed() {
		return
	}
	walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		switch x := m.Interface().(type) {
		case *pg.TypeName:
			if p.state.typeMissing(x) {
				p.fail(true, fmt.Sprintf("type %s does not exist", lastName(x.GetNames())))
			}
		case *pg.FuncCall:
			if p.state.functionMissing(x.GetFuncname()) {
				p.fail(true, fmt.Sprintf("function %s() does not exist", calledName(x)))
			}
			switch calledName(x) {
			case "nextval", "setval", "currval":
				if len(x.GetArgs()) > 0 {
					p.failSpelled(x.GetArgs()[0])
				}
			}
		case *pg.TypeCast:
			if lastName(x.GetTypeName().GetNames()) == "regclass" {
				p.failSpelled(x.GetArg())
			}
		}
		return true
	})
}

// failSpelled claims that a relation which stands in a string is nowhere.
func (p *pass) failSpelled(n *pg.Node) {
	text := n.GetAConst().GetSval().GetSval()
	if text == "" || strings.HasPrefix(text, "pg_") {
		return
	}
	r := p.state.spelled(text)
	p.fail(r.name != "" && p.state.missing(r), fmt.Sprintf("relation %s does not exist", r))
}

// failFunction is about the types of a function, and about the body of one in SQL, which the server reads at once.
func (p *pass) failFunction(f *pg.CreateFunctionStmt) {
	for _, a := range f.GetParameters() {
		p.failWords(a)
	}
	if t := f.GetReturnType(); t != nil {
		p.fail(p.state.typeMissing(t), fmt.Sprintf("type %s does not exist", lastName(t.GetNames())))
	}
	language, body := "", ""
	for _, o := range f.GetOptions() {
		switch d := o.GetDefElem(); d.GetDefname() {
		case "language":
			language = strings.ToLower(d.GetArg().GetString_().GetSval())
		case "as":
			if parts := d.GetArg().GetList().GetItems(); len(parts) == 1 {
				body = parts[0].GetString_().GetSval()
			}
		}
	}
	if language != "sql" || body == "" || p.state.unread || p.inBody {
		return
	}
	s, err := sqltext.Parse([]byte(body))
	if err != nil {
		return
	}
	own := lastName(f.GetFuncname())
	had := p.state.callable[own]
	p.state.callable[own] = true // it may call itself
	inner := *p.leaf
	q := &pass{leaf: &inner, state: p.state, policy: p.policy}
	inner.inBody = true // its arguments look like columns
	for i := range s.Statements {
		n := s.Node(i)
		if n.GetSelectStmt() == nil && n.GetInsertStmt() == nil && n.GetUpdateStmt() == nil && n.GetDeleteStmt() == nil {
			break // what it makes, the next statement may use
		}
		q.failTree(n)
	}
	if !had {
		delete(p.state.callable, own)
	}
	p.fail(q.claims.Fails != "", "in the body: "+q.claims.Fails)
}

// failOperators claims that an index needs an extension that nobody installed.
func (p *pass) failOperators(i *pg.IndexStmt) {
	if !p.state.closed() {
		return
	}
	if x := i.GetAccessMethod(); (x == "hnsw" || x == "ivfflat") && !p.state.installed("vector") {
		p.fail(true, fmt.Sprintf("access method %s does not exist", x))
	}
	for _, e := range i.GetIndexParams() {
		class := lastName(e.GetIndexElem().GetOpclass())
		extension := ""
		switch class {
		case "gin_trgm_ops", "gist_trgm_ops":
			extension = "pg_trgm"
		case "vector_l2_ops", "vector_ip_ops", "vector_cosine_ops", "vector_l1_ops", "halfvec_cosine_ops", "halfvec_l2_ops", "bit_hamming_ops":
			extension = "vector"
		}
		p.fail(extension != "" && !p.state.installed(extension), fmt.Sprintf("operator class %s does not exist", class))
	}
}

func (p *pass) failGrant(g *pg.GrantStmt) {
	if g.GetTargtype() != pg.GrantTargetType_ACL_TARGET_OBJECT || g.GetObjtype() != pg.ObjectType_OBJECT_TABLE {
		return
	}
	for _, o := range g.GetObjects() {
		r := o.GetRangeVar()
		if r == nil || p.absent(r) || !p.state.whole(p.state.named(r)) {
			continue
		}
		t := p.state.table(p.state.named(r))
		for _, x := range g.GetPrivileges() {
			for _, column := range names(x.GetAccessPriv().GetCols()) {
				p.fail(t.column(column) == nil && !slices.Contains(systemColumns(), column), fmt.Sprintf("column %q of %s does not exist", column, t.Name))
			}
		}
	}
}

func (p *pass) failComment(c *pg.CommentStmt) {
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW, pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE:
		n := p.state.listed(c.GetObject())
		p.fail(p.state.missing(n), fmt.Sprintf("relation %s does not exist", n))
	case pg.ObjectType_OBJECT_COLUMN:
		n, column := p.state.memberOf(c.GetObject())
		if n.name == "" {
			return
		}
		p.fail(p.state.missing(n) && !p.state.types[n.name] && !p.state.composite(n), fmt.Sprintf("relation %s does not exist", n))
		p.fail(p.state.whole(n) && p.state.table(n).column(column) == nil && !slices.Contains(systemColumns(), column), fmt.Sprintf("column %q of %s does not exist", column, n))
	}
}

func (s *state) composite(n name) bool {
	return s.catalog != nil && slices.Contains(s.catalog.Types, n.ref())
}

func systemColumns() []string { return []string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"} }
