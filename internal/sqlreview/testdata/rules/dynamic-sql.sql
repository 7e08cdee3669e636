SELECT dblink('a', 'b');
