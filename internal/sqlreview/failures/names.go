package failures

import (
	"cmp"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"fairlead/internal/sqlreview/syntax"
	"fairlead/internal/sqltext"
)

// checkNames claims that a statement names something that is nowhere: a relation that it reads, a type, a function or a
// role.
func (p *namePass) checkNames() {
	if p.Nested {
		// the statement around it was looked at whole, with the names of its WITH clause
		return
	}
	p.checkSchemas()
	n := p.Node
	switch {
	case n.GetSelectStmt() != nil, n.GetInsertStmt() != nil, n.GetUpdateStmt() != nil, n.GetDeleteStmt() != nil,
		n.GetMergeStmt() != nil:
		p.checkTree(n)
	case n.GetViewStmt() != nil:
		p.checkTree(n.GetViewStmt().GetQuery())
	case n.GetCreateTableAsStmt() != nil:
		p.checkTree(n.GetCreateTableAsStmt().GetQuery())
	case n.GetCopyStmt() != nil:
		p.checkTree(n.GetCopyStmt().GetQuery())
	case n.GetCreateStmt() != nil:
		if !n.GetCreateStmt().GetIfNotExists() || !p.state.Present(p.state.NameOfNew(n.GetCreateStmt().GetRelation())) {
			p.checkWords(n)
		}
	case n.GetAlterTableStmt() != nil:
		if !n.GetAlterTableStmt().GetMissingOk() ||
			!p.state.Missing(p.state.Named(n.GetAlterTableStmt().GetRelation())) {
			p.checkWords(n)
		}
	case n.GetIndexStmt() != nil:
		p.checkWords(n)
		p.checkOperators(n.GetIndexStmt())
	case n.GetCompositeTypeStmt() != nil, n.GetCreateDomainStmt() != nil, n.GetCreatePolicyStmt() != nil:
		p.checkWords(n)
	case n.GetCreateFunctionStmt() != nil:
		p.checkFunction(n.GetCreateFunctionStmt())
	case n.GetCreateTrigStmt() != nil:
		p.fail(p.state.FunctionMissing(n.GetCreateTrigStmt().GetFuncname()), "function %s() does not exist",
			syntax.LastName(n.GetCreateTrigStmt().GetFuncname()))
	case n.GetGrantStmt() != nil:
		p.checkGrant(n.GetGrantStmt())
	case n.GetAlterFunctionStmt() != nil:
		f := n.GetAlterFunctionStmt().GetFunc().GetObjname()
		p.fail(p.state.FunctionMissing(f), "function %s() does not exist", syntax.LastName(f))
	case n.GetAlterObjectSchemaStmt().GetRelation() != nil:
		if !n.GetAlterObjectSchemaStmt().GetMissingOk() {
			p.absent(n.GetAlterObjectSchemaStmt().GetRelation())
		}
	case n.GetAlterSeqStmt() != nil:
		if !n.GetAlterSeqStmt().GetMissingOk() {
			p.absent(n.GetAlterSeqStmt().GetSequence())
		}
	case n.GetCommentStmt() != nil:
		p.checkComment(n.GetCommentStmt())
	}
	if rolesIn(n) {
		p.checkRoles(n)
	}
}

// rolesIn says whether the names of roles in a statement must exist.
func rolesIn(n *pg.Node) bool {
	return n.GetGrantStmt() != nil || n.GetGrantRoleStmt() != nil || n.GetAlterOwnerStmt() != nil ||
		n.GetAlterTableStmt() != nil || n.GetAlterDefaultPrivilegesStmt() != nil ||
		n.GetCreatePolicyStmt() != nil || n.GetAlterPolicyStmt() != nil || n.GetCreateSchemaStmt() != nil ||
		n.GetDropRoleStmt() != nil && !n.GetDropRoleStmt().GetMissingOk() ||
		n.GetDropOwnedStmt() != nil || n.GetReassignOwnedStmt() != nil || n.GetAlterRoleStmt() != nil
}

func (p *namePass) checkRoles(n *pg.Node) {
	if !p.state.NamesKnown() {
		return
	}
	sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		if r, ok := m.Interface().(*pg.RoleSpec); ok {
			p.fail(p.state.RoleMissing(r), "role %s does not exist", r.GetRolename())
		}
		return true
	})
}

// checkTree looks at the relations that a query reads, and at its words. Names of WITH queries are no relations.
func (p *namePass) checkTree(n *pg.Node) {
	if n == nil || p.state.Catalog == nil && !p.state.Lost() {
		// nothing is known to be nowhere
		return
	}
	var relations []*pg.RangeVar
	with := map[string]bool{}
	i := n.GetInsertStmt()
	constants := onlyConstants(i)
	if constants {
		relations = append(relations, i.GetRelation())
	} else {
		sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
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
		p.checkWords(n)
		p.checkColumns(n)
	}
}

// onlyConstants recognises INSERT … VALUES of nothing but constants, of which large files are made: nothing in it is
// named besides the table.
func onlyConstants(i *pg.InsertStmt) bool {
	v := i.GetSelectStmt().GetSelectStmt()
	if v == nil || len(v.GetValuesLists()) == 0 || i.GetWithClause() != nil || v.GetWithClause() != nil ||
		i.GetOnConflictClause() != nil || len(i.GetReturningList()) > 0 {
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

// checkWords looks at types and functions.
func (p *namePass) checkWords(n *pg.Node) {
	if !p.state.NamesKnown() {
		return
	}
	sqltext.Walk(n.ProtoReflect(), func(m protoreflect.Message) bool {
		switch x := m.Interface().(type) {
		case *pg.TypeName:
			p.fail(p.state.TypeMissing(x), "type %s does not exist", syntax.LastName(x.GetNames()))
		case *pg.FuncCall:
			p.fail(p.state.FunctionMissing(x.GetFuncname()), "function %s() does not exist", syntax.CalledName(x))
			switch syntax.CalledName(x) {
			case "nextval", "setval", "currval":
				if len(x.GetArgs()) > 0 {
					p.checkSpelled(x.GetArgs()[0])
				}
			}
		case *pg.TypeCast:
			if syntax.LastName(x.GetTypeName().GetNames()) == "regclass" {
				p.checkSpelled(x.GetArg())
			}
		}
		return true
	})
}

// checkSpelled claims that a relation which stands in a string is nowhere.
func (p *namePass) checkSpelled(n *pg.Node) {
	text := n.GetAConst().GetSval().GetSval()
	if text == "" || strings.HasPrefix(text, "pg_") {
		return
	}
	r := p.state.Spelled(text)
	p.fail(r.Name != "" && p.state.Missing(r), "relation %s does not exist", r)
}

// checkFunction is about the types of a function, and about the body of one in SQL, which the server reads at once.
func (p *namePass) checkFunction(f *pg.CreateFunctionStmt) {
	for _, a := range f.GetParameters() {
		p.checkWords(a)
	}
	if t := f.GetReturnType(); t != nil {
		p.fail(p.state.TypeMissing(t), "type %s does not exist", syntax.LastName(t.GetNames()))
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
	if language != "sql" || body == "" || p.state.UncheckedBodies || p.InBody {
		return
	}
	s, err := sqltext.Parse([]byte(body))
	if err != nil {
		return
	}
	own := syntax.LastName(f.GetFuncname())
	had := p.state.Callable[own]
	// it may call itself
	p.state.Callable[own] = true
	inner := *p.Statement
	q := namePass{pass: &pass{Statement: &inner, state: p.state, rowsAssumed: p.rowsAssumed}}
	// its arguments look like columns
	inner.InBody = true
	for i := range s.Statements {
		n := s.Node(i)
		if n.GetSelectStmt() == nil && n.GetInsertStmt() == nil && n.GetUpdateStmt() == nil &&
			n.GetDeleteStmt() == nil {
			// what it makes, the next statement may use
			break
		}
		q.checkTree(n)
	}
	if !had {
		delete(p.state.Callable, own)
	}
	p.fail(q.fails != "", "in the body: %s", q.fails)
}

// checkOperators claims that an index needs an extension that nobody installed.
func (p *namePass) checkOperators(i *pg.IndexStmt) {
	if !p.state.NamesKnown() {
		return
	}
	x := i.GetAccessMethod()
	p.fail((x == "hnsw" || x == "ivfflat") && !p.state.Installed("vector"), "access method %s does not exist", x)
	for _, e := range i.GetIndexParams() {
		class := syntax.LastName(e.GetIndexElem().GetOpclass())
		extension := ""
		switch class {
		case "gin_trgm_ops", "gist_trgm_ops":
			extension = "pg_trgm"
		case "vector_l2_ops", "vector_ip_ops", "vector_cosine_ops", "vector_l1_ops", "halfvec_cosine_ops",
			"halfvec_l2_ops", "bit_hamming_ops":
			extension = "vector"
		}
		p.fail(extension != "" && !p.state.Installed(extension), "operator class %s does not exist", class)
	}
}

func (p *namePass) checkGrant(g *pg.GrantStmt) {
	if g.GetTargtype() != pg.GrantTargetType_ACL_TARGET_OBJECT || g.GetObjtype() != pg.ObjectType_OBJECT_TABLE {
		return
	}
	for _, o := range g.GetObjects() {
		r := o.GetRangeVar()
		if r == nil || p.absent(r) || !p.state.ColumnsKnown(p.state.Named(r)) {
			continue
		}
		t := p.state.Table(p.state.Named(r))
		for _, x := range g.GetPrivileges() {
			for _, column := range syntax.Strings(x.GetAccessPriv().GetCols()) {
				p.fail(t.Column(column) == nil && !slices.Contains(systemColumns(), column),
					"column %q of %s does not exist", column, t.Name)
			}
		}
	}
}

func (p *namePass) checkComment(c *pg.CommentStmt) {
	switch c.GetObjtype() {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE:
		n := p.state.Listed(c.GetObject())
		p.fail(p.state.Missing(n), "relation %s does not exist", n)
	case pg.ObjectType_OBJECT_COLUMN:
		n, column := p.state.MemberOf(c.GetObject())
		if n.Name == "" {
			return
		}
		p.fail(p.state.Missing(n) && !p.state.Types[n.Name] && !p.state.Composite(n), "relation %s does not exist", n)
		p.fail(p.state.ColumnsKnown(n) && p.state.Table(n).Column(column) == nil &&
			!slices.Contains(systemColumns(), column), "column %q of %s does not exist", column, n)
	}
}

// checkSchemas claims that something new shall stand in a schema that is nowhere.
func (p *namePass) checkSchemas() {
	for _, schema := range newHomes(p.Node) {
		p.fail(p.state.SchemaMissing(schema), "schema %s does not exist", schema)
	}
}

// newHomes lists the schemas in which a statement makes something, and those that it names themselves.
func newHomes(n *pg.Node) []string {
	made := slices.Concat(n.GetCreateFunctionStmt().GetFuncname(), n.GetCreateEnumStmt().GetTypeName(),
		n.GetCreateDomainStmt().GetDomainname())
	relation := cmp.Or(n.GetCreateStmt().GetRelation(), n.GetViewStmt().GetView(), n.GetCreateSeqStmt().GetSequence(),
		n.GetCreateTableAsStmt().GetInto().GetRel(), n.GetCompositeTypeStmt().GetTypevar())
	switch {
	case len(made) > 0:
		schema, _ := sqltext.QualifiedName(made)
		return []string{schema}
	case relation != nil:
		return []string{relation.GetSchemaname()}
	case n.GetAlterObjectSchemaStmt() != nil:
		if !n.GetAlterObjectSchemaStmt().GetMissingOk() {
			return []string{n.GetAlterObjectSchemaStmt().GetNewschema()}
		}
	case n.GetRenameStmt() != nil && n.GetRenameStmt().GetRenameType() == pg.ObjectType_OBJECT_SCHEMA:
		return []string{n.GetRenameStmt().GetSubname()}
	case n.GetGrantStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA &&
		n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_OBJECT,
		n.GetGrantStmt().GetTargtype() == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA:
		return syntax.Strings(n.GetGrantStmt().GetObjects())
	case n.GetDropStmt().GetRemoveType() == pg.ObjectType_OBJECT_SCHEMA && !n.GetDropStmt().GetMissingOk():
		return syntax.Strings(n.GetDropStmt().GetObjects())
	case n.GetCommentStmt().GetObjtype() == pg.ObjectType_OBJECT_SCHEMA:
		return []string{n.GetCommentStmt().GetObject().GetString_().GetSval()}
	}
	return nil
}
