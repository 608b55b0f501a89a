"""What the extensions ask of a document's tree."""


def ancestor(node, kinds):
    """The innermost of node and what it stands in that is of one of these kinds, or None."""
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node
